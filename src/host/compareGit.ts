import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as vscode from 'vscode';

/** What is used of the API that VS Code's own git extension exports. */
interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): { readonly git: { readonly path: string } };
}

/** The git program that VS Code uses, or `undefined` where its git extension is absent or turned off. */
export async function gitProgram(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<GitExtension>('vscode.git');
  try {
    const git = await extension?.activate();
    return git?.enabled === true ? git.getAPI(1).git.path : undefined;
  } catch {
    return undefined;
  }
}

/** A commit that changed a file. */
export interface Commit {
  readonly id: string;
  readonly subject: string;
  /** When, in words. */
  readonly age: string;
}

/** The versions that git has of a file on disk. */
export class FileHistory {
  private readonly folder: string;
  private readonly name: string;

  constructor(
    private readonly program: string,
    readonly file: string,
  ) {
    this.folder = path.dirname(file);
    this.name = path.basename(file);
  }

  /** Whether the file lies in a repository that has it, or knows it as added. */
  async isTracked(): Promise<boolean> {
    const { code } = await this.run(['ls-files', '--error-unmatch', '--', this.name]).catch(() => ({ code: 1 }));
    return code === 0;
  }

  /** The newest commits that changed the file. */
  async commits(): Promise<readonly Commit[]> {
    const { code, output } = await this.run(['log', '-n', '50', '--format=%h%x00%ar%x00%s', '--', this.name]);
    if (code !== 0) return [];
    return output
      .split('\n')
      .map((line) => line.split('\0'))
      .flatMap(([id, age, subject]) => (id && age !== undefined ? [{ id, age, subject: subject ?? '' }] : []));
  }

  /**
   * Write a version of a file beside this one to `target`, as a checkout would
   * make it: what Git LFS keeps elsewhere is fetched where LFS is installed.
   * @param ref a commit, branch or tag; `''` for what is staged.
   * @param location path relative to the file's folder; the file itself when left out.
   * @throws Error that says what git lacks.
   */
  async write(ref: string, target: string, signal?: AbortSignal, location = this.name): Promise<void> {
    if (ref.startsWith('-')) throw new Error(`${ref} isn't the name of a commit, branch or tag.`);
    const args = ['cat-file', '--filters', `${ref}:./${location}`];
    const child = spawn(this.program, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'], env, signal });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const [code] = await Promise.all([ended, pipeline(child.stdout, createWriteStream(target))]);
    if (code === 0) return;
    const where = ref === '' ? 'the index' : ref;
    const reason = complaint.trim().split('\n').at(-1) ?? '';
    throw new Error(
      /does not exist|exists on disk, but not in|Not a valid object name|invalid object name|bad revision/i.test(reason)
        ? `${location} isn't in ${where}.`
        : `git can't read ${location} in ${where}: ${reason}`,
    );
  }

  /** Whether a file beside this one is on disk as it is in a version. */
  async isUnchanged(ref: string, location: string): Promise<boolean> {
    const args = ['diff', '--quiet', '--no-ext-diff', ...(ref === '' ? [] : [ref]), '--', location];
    const tracked = await this.run(['ls-files', '--error-unmatch', '--', location]);
    return tracked.code === 0 && (await this.run(args)).code === 0;
  }

  private run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.program, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'ignore'], env });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }
}

/** git neither takes locks that a person's own git would wait for, nor asks for passwords. */
const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' };
