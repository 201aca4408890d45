import * as vscode from 'vscode';
import { GraphView } from './graphView';
import type { Services } from './services';
import { modelUriOf, textUriOf } from './uris';
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
    const model = modelUriOf(uri);
    if (model) {
      // A text saved under a model's name: the page is the model's.
      await vscode.commands.executeCommand('vscode.openWith', model, GraphPage.viewType, panel.viewColumn);
      panel.dispose();
      return;
    }
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
