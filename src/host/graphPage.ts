import * as vscode from 'vscode';
import { GraphView } from './graphView';
import type { Services } from './services';
import { textUriOf } from './uris';
import { watchModel } from './watch';

/** The page that a click on a model file opens: its graph, a summary, and what can be done. */
export class GraphPage implements vscode.CustomReadonlyEditorProvider {
  static readonly viewType = 'onnxFusionLens.graphPage';

  static register(services: Services): vscode.Disposable {
    return vscode.window.registerCustomEditorProvider(GraphPage.viewType, new GraphPage(services), {
      supportsMultipleEditorsPerDocument: true,
    });
  }

  private constructor(private readonly services: Services) {}

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    if (vscode.workspace.getConfiguration('onnxFusionLens', uri).get('openAs') === 'text') {
      await vscode.window.showTextDocument(textUriOf(uri), {
        preview: false,
        viewColumn: panel.viewColumn ?? vscode.ViewColumn.Active,
      });
      panel.dispose();
      return;
    }
    const view = new GraphView(panel.webview, 'page', this.services);
    const watcher = watchModel(uri, () => void this.services.files.refresh(uri));
    panel.onDidDispose(() => {
      view.dispose();
      watcher.dispose();
    });
    view.show(textUriOf(uri));
  }
}
