import * as vscode from 'vscode';

/** Work that is done sooner shows no progress, in milliseconds. */
const SOON_MS = 700;

/**
 * Does work that can be cancelled; a notification with its progress comes only once it takes some time.
 * @param work gets a way to say how far it is.
 * @returns `undefined` when the person cancelled it.
 */
export async function withProgress<T>(
  title: string,
  work: (signal: AbortSignal, say: (message: string) => void) => Promise<T>,
): Promise<T | undefined> {
  const abort = new AbortController();
  let say: (message: string) => void = () => undefined;
  const done = work(abort.signal, (message) => say(message)).catch((error: unknown) => {
    if (abort.signal.aborted) return undefined;
    throw error;
  });
  const soon = await Promise.race([
    done.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, SOON_MS, false)),
  ]);
  if (!soon) {
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      (progress, token) => {
        token.onCancellationRequested(() => abort.abort());
        say = (message) => progress.report({ message });
        return done;
      },
    );
  }
  return done;
}
