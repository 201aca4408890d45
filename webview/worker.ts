/** Lays graphs out away from the webview's own thread. */
import { layoutGraph } from '../src/core/layout/layout';
import { transferablesOf, type LayoutReply, type LayoutRequest } from './layoutMessages';

// The web worker's global scope, which shares its name with the window's in the types.
const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  try {
    const layout = layoutGraph(data.graph);
    const reply: LayoutReply = { id: data.id, layout };
    scope.postMessage(reply, transferablesOf(layout));
  } catch (error) {
    const reply: LayoutReply = { id: data.id, error: error instanceof Error ? error.message : String(error) };
    scope.postMessage(reply);
  }
};
