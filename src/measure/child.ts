/**
 * Entry of the measuring process. It serves requests one after the other until its
 * parent ends it, or ends with its parent. Native code runs
 * here and not in the extension host, so that a crash or a cancelled measurement harms nothing.
 */
import { loadEngines } from './kernel';
import { measureModel } from './measureModel';
import { measurePair, type Progress } from './measurePair';
import type { MeasureReply, MeasureRequest } from './messages';
import { runProbe } from './shapes';
import { textShapes } from './textShapes';

function reply(message: MeasureReply): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}

async function serve(request: MeasureRequest): Promise<MeasureReply> {
  try {
    if (request.kind === 'shapes') return { kind: 'result', result: await runProbe(request.probe) };
    if (request.kind === 'textShapes') return { kind: 'result', result: await textShapes(request.request) };
    const engines = loadEngines();
    if (!('kernel' in engines)) return { kind: 'unavailable', unavailable: engines };
    const onProgress = (progress: Progress): void => void reply({ kind: 'progress', ...progress });
    const result =
      request.kind === 'pair'
        ? await measurePair(engines, request.problem, request.options, onProgress)
        : await measureModel(engines, request.problem, request.options, onProgress);
    return { kind: 'result', result };
  } catch (error) {
    return { kind: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

process.once('disconnect', () => process.exit(0));
process.on('message', (request: MeasureRequest) => {
  // The parent ends this process when it has the reply: exiting here could overtake it.
  void serve(request).then(reply);
});
void reply({ kind: 'ready' });
