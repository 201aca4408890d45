import assert from 'node:assert/strict';
import { dispatch, type FromWebview, type Handlers } from '../../src/protocol';

describe('dispatch', () => {
  const seen: string[] = [];
  const handlers: Handlers<FromWebview> = {
    ready: () => seen.push('ready'),
    selectNode: ({ node }) => seen.push(`select ${node.node}`),
    requestOpenAsText: () => seen.push('text'),
    requestFuseAll: () => seen.push('fuse all'),
    requestFuse: ({ finding }) => seen.push(`fuse ${finding}`),
    requestMeasure: ({ finding }) => seen.push(`measure ${finding ?? 'all'}`),
    cancelMeasure: () => seen.push('cancel'),
    requestSetDimensions: () => seen.push('dimensions'),
    logError: ({ message }) => seen.push(message),
  };
  beforeEach(() => (seen.length = 0));

  it('hands each message to its handler', () => {
    dispatch(handlers, { type: 'selectNode', node: { graph: 'main', node: 'y' } });
    dispatch(handlers, { type: 'requestMeasure' });
    assert.deepEqual(seen, ['select y', 'measure all']);
  });

  it('leaves everything else alone', () => {
    for (const message of [undefined, null, 'ready', 7, {}, { type: 1 }, { type: 'toString' }, { type: 'unknown' }]) {
      dispatch(handlers, message);
    }
    assert.deepEqual(seen, []);
  });
});
