import * as vscode from 'vscode';
import { environment, type ClickOptions, type Reply, type Request, type Target, type WebviewPlace } from './protocol';

/** A command that does what a gesture does, for a window that no gesture can reach. */
export type Command = readonly [id: string, ...args: unknown[]];

/**
 * The person at the window. Every gesture names the command it stands for, so that the same suite runs where
 * nothing can move the mouse; what only the screen can show is then left unchecked (`texts` gives undefined).
 */
export interface Driver {
  /** Whether gestures are real and the screen can be read. */
  readonly onScreen: boolean;
  click(target: Target, otherwise: Command | undefined, options?: ClickOptions): Promise<void>;
  /** @param keys as Playwright names them, such as `Control+.` */
  press(keys: string, otherwise: Command | undefined): Promise<void>;
  type(text: string): Promise<void>;
  scroll(target: Target, deltaY: number): Promise<void>;
  drag(target: Target, by: { readonly x: number; readonly y: number }): Promise<void>;
  waitFor(target: Target, state?: 'visible' | 'hidden', ms?: number): Promise<void>;
  /** The texts of the matching elements that are on the screen now. */
  texts(target: Target): Promise<readonly string[] | undefined>;
  /** The value of a JavaScript expression in a webview, or in the workbench's page. */
  evaluate(expression: string, webview?: WebviewPlace): Promise<unknown>;
  screenshot(name: string): Promise<void>;
}

/** Drives the window through the launcher's HTTP bridge. */
export class BridgeDriver implements Driver {
  readonly onScreen = true;

  constructor(private readonly address: string) {}

  private async ask(request: Request): Promise<unknown> {
    const response = await fetch(this.address, { method: 'POST', body: JSON.stringify(request) });
    const reply = (await response.json()) as Reply;
    if ('error' in reply) throw new Error(reply.error);
    return reply.value;
  }

  async click(target: Target, _otherwise: Command | undefined, options: ClickOptions = {}): Promise<void> {
    await this.ask({ action: 'click', target, options });
  }

  async press(keys: string): Promise<void> {
    await this.ask({ action: 'press', keys });
  }

  async type(text: string): Promise<void> {
    await this.ask({ action: 'type', text });
  }

  async scroll(target: Target, deltaY: number): Promise<void> {
    await this.ask({ action: 'scroll', target, deltaY });
  }

  async drag(target: Target, by: { readonly x: number; readonly y: number }): Promise<void> {
    await this.ask({ action: 'drag', target, by });
  }

  async waitFor(target: Target, state: 'visible' | 'hidden' = 'visible', ms = 20_000): Promise<void> {
    await this.ask({ action: 'waitFor', target, state, ms });
  }

  async texts(target: Target): Promise<readonly string[]> {
    return (await this.ask({ action: 'texts', target })) as readonly string[];
  }

  async evaluate(expression: string, webview?: WebviewPlace): Promise<unknown> {
    return this.ask({ action: 'evaluate', webview, expression });
  }

  async screenshot(name: string): Promise<void> {
    await this.ask({ action: 'screenshot', name });
  }
}

/** Does what a gesture stands for by running its command. */
export class CommandDriver implements Driver {
  readonly onScreen = false;

  private async run(command: Command | undefined): Promise<void> {
    if (command) await vscode.commands.executeCommand(...(command as [string, ...unknown[]]));
  }

  async click(_target: Target, otherwise: Command | undefined): Promise<void> {
    await this.run(otherwise);
  }

  async press(_keys: string, otherwise: Command | undefined): Promise<void> {
    await this.run(otherwise);
  }

  async type(text: string): Promise<void> {
    await this.run(['type', { text }]);
  }

  scroll(): Promise<void> {
    return Promise.resolve();
  }

  drag(): Promise<void> {
    return Promise.resolve();
  }

  waitFor(): Promise<void> {
    return Promise.resolve();
  }

  texts(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  evaluate(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  screenshot(): Promise<void> {
    return Promise.resolve();
  }
}

/** The driver for the window this extension host belongs to. */
export function makeDriver(): Driver {
  const address = process.env[environment.bridge];
  return address === undefined || address === '' ? new CommandDriver() : new BridgeDriver(address);
}
