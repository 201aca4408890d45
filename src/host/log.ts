import * as vscode from 'vscode';

let channel: vscode.LogOutputChannel | undefined;

/** The extension's log; created at first use, disposed with the extension. */
export function log(): vscode.LogOutputChannel {
  channel ??= vscode.window.createOutputChannel('ONNX Fusion Lens', { log: true });
  return channel;
}

export function disposeLog(): void {
  channel?.dispose();
  channel = undefined;
}
