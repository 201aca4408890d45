import * as vscode from 'vscode';
import { activeModel } from './activeModel';
import { GraphView } from './graphView';
import type { Services } from './services';

/** The graph in the side panel: of the model that the person is looking at, or looked at last. */
export class GraphPanel implements vscode.WebviewViewProvider {
  static readonly viewId = 'onnxFusionLens.graph';

  static register(services: Services): vscode.Disposable {
    return vscode.window.registerWebviewViewProvider(GraphPanel.viewId, new GraphPanel(services));
  }

  private constructor(private readonly services: Services) {}

  resolveWebviewView(panel: vscode.WebviewView): void {
    const view = new GraphView(panel.webview, 'panel', this.services);
    let last: vscode.Uri | undefined;
    const follow = () => {
      last = activeModel() ?? last;
      view.show(last);
    };
    const subscriptions = vscode.Disposable.from(
      view,
      vscode.window.tabGroups.onDidChangeTabs(follow),
      vscode.window.tabGroups.onDidChangeTabGroups(follow),
      vscode.window.onDidChangeActiveTextEditor(follow),
    );
    panel.onDidDispose(() => {
      subscriptions.dispose();
    });
    follow();
  }
}
