import assert from 'node:assert/strict';
import { openGraphPanel, selectedNode, settledPicture, waitForChips } from './graph';
import { diagnosticsOf, driver, goTo, isCursorOn, openText, shot, tellStory, textOf, until } from './support';

const NAME = 'sample.onnx';
const FIRST = '/conv1/conv2d/Conv';
const SECOND = '/conv3/conv2d/Conv';

describe('the cursor and the graph', () => {
  tellStory();

  before(function () {
    if (!driver.onScreen) this.skip();
  });

  it('selects in the graph the node that the cursor is on', async () => {
    await openGraphPanel();
    const editor = await openText(NAME);
    await waitForChips('panel', { blocked: 1 });
    await goTo(editor, `["${FIRST}"]`);
    await until('the first convolution is selected', async () => (await selectedNode('panel')) === FIRST);
    await settledPicture('panel');
    await shot(__filename, 'cursor-to-graph');
    await goTo(editor, `["${SECOND}"]`);
    await until('the other convolution is selected', async () => (await selectedNode('panel')) === SECOND);
  });

  it('goes in the text to the node that is clicked in the graph', async () => {
    await driver.click({ selector: '.search vscode-text-field', webview: 'panel' }, undefined);
    await driver.type(FIRST);
    await until('the search shows the node', async () => (await selectedNode('panel')) === FIRST);
    await settledPicture('panel');
    await driver.click({ selector: 'canvas.graph', webview: 'panel' }, undefined);
    await until('the cursor is on the node', () => isCursorOn(FIRST));
    await shot(__filename, 'graph-to-cursor');
  });

  it('pans with the mouse, zooms with the wheel, and shows the whole graph', async () => {
    const canvas = { selector: 'canvas.graph', webview: 'panel' } as const;
    const zoom = async () =>
      (await driver.texts({ selector: '.zoom vscode-button', hasText: '%', webview: 'panel' }))?.[0];
    const before = await settledPicture('panel');
    await driver.drag(canvas, { x: -40, y: 60 });
    const panned = await settledPicture('panel');
    assert.notEqual(panned, before);
    const scale = await zoom();
    await driver.press('-', undefined);
    await until('the scale is another', async () => (await zoom()) !== scale);
    await driver.press('0', undefined);
    await until('the whole graph is shown', async () => (await settledPicture('panel')) !== panned);
    await shot(__filename, 'whole-graph');
  });

  it('says in the text and in the graph why a pair cannot fuse', async () => {
    await driver.click({ selector: '.chip.blocked', webview: 'panel' }, undefined);
    await driver.waitFor({ selector: '.inspector .finding.blocked', hasText: 'also read by', webview: 'panel' });
    const reasons = diagnosticsOf(textOf(NAME)).filter(({ message }) => message.includes("can't fuse"));
    assert.equal(reasons.length, 1);
    assert.match(reasons[0]!.message, /also read by Add/);
    assert.ok((reasons[0]!.relatedInformation ?? []).length > 0, 'it points at what is in the way');
    await shot(__filename, 'blocked');
  });
});
