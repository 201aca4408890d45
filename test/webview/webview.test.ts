import assert from 'node:assert/strict';
import { findFused, findFusions } from '../../src/core/fusion/find';
import { drawingOf } from '../../src/core/layout/drawModel';
import type { Drawing } from '../../src/core/layout/drawing';
import type { FromWebview, ToWebview } from '../../src/protocol';
import { CONV, modelText, NORM, parse } from '../unit/fusion/text';
import { sampleModel } from '../unit/support/models';
import { hasChromium, WebviewBrowser, type Webview } from './harness';

type ModelMessage = Extract<ToWebview, { readonly type: 'model' }>;

describe('webview', function () {
  this.timeout(60_000);
  let browser: WebviewBrowser;
  let view: Webview;

  before(async function () {
    if (!hasChromium()) {
      this.currentTest?.parent?.tests.forEach((test) => (test.title += ' (skipped: there is no Chromium)'));
      this.skip();
    }
    browser = await WebviewBrowser.launch();
  });
  after(() => (browser as WebviewBrowser | undefined)?.close());

  const draw = (text: string): Drawing => {
    const model = parse(text);
    return drawingOf(model, findFusions(model), findFused(model));
  };
  const messageOf = (drawing: Drawing, rest: Partial<ModelMessage> = {}): ModelMessage => ({
    type: 'model',
    version: 1,
    uri: 'file:///model.onnx',
    fileName: 'model.onnx',
    drawing,
    measurements: {},
    ...rest,
  });
  const pair = modelText({ nodes: [CONV, NORM, 'y = Relu (n)'] });
  const chain = (length: number): string =>
    modelText({
      declared: [],
      nodes: Array.from({ length }, (_, i) => `v${i + 1} = Relu (${i === 0 ? 'x' : `v${i}`})`),
      outputs: `float v${length}`,
    });
  const posted = async (type: FromWebview['type']): Promise<FromWebview[]> =>
    (await view.messages()).filter((message) => message.type === type);
  const camera = async (): Promise<{ scale: number; x: number; y: number; selected?: string }> => {
    await view.page.waitForTimeout(300);
    const state: unknown = JSON.parse(await view.page.evaluate<string>("sessionStorage.getItem('state')"));
    return state as { scale: number; x: number; y: number; selected?: string };
  };
  const middle = async (): Promise<{ x: number; y: number }> => {
    const { x, y, width, height } = (await view.page.locator('canvas.graph').boundingBox())!;
    return { x: x + width / 2, y: y + height / 2 };
  };

  afterEach(async function () {
    if (!(view as Webview | undefined)) return;
    const logged = await posted('logError');
    await view.page.close();
    assert.deepEqual([...view.problems, ...logged], []);
  });

  it('says what is going on before there is a graph', async () => {
    view = await browser.open('page');
    const message = view.page.locator('.message');
    assert.match(await message.innerText(), /Loading/);
    await view.send({ type: 'status', status: { kind: 'error', fileName: 'a.onnx', message: 'The file is empty.' } });
    assert.match(await message.innerText(), /Can’t show a\.onnx\s+The file is empty\./);
    await view.send({ type: 'status', status: { kind: 'none', message: 'Open a model.' } });
    assert.match(await message.innerText(), /Open a model/);
    await view.send(messageOf(draw(pair)));
    await view.shown();
    await view.send({ type: 'status', status: { kind: 'error', fileName: 'a.onnx', message: 'It is gone.' } });
    assert.match(await message.innerText(), /It is gone/);
  });

  it('shows a model and asks for what its buttons say', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(pair)));
    await view.shown();
    assert.match(await view.page.locator('.summary').innerText(), /model\.onnx\s+1 can fuse/);
    for (const [name, type] of [
      ['Fuse every pair that can fuse', 'requestFuseAll'],
      ['Measure the speedup of each pair on this machine', 'requestMeasure'],
      ['Open the model as text, to edit it', 'requestOpenAsText'],
    ] as const) {
      await view.page.locator(`vscode-button[aria-label="${name}"]`).click();
      assert.equal((await posted(type)).length, 1, name);
    }
    await view.send({ type: 'measurements', measurements: {}, running: true });
    await view.page.locator('vscode-button[aria-label="Stop measuring"]').click();
    assert.equal((await posted('cancelMeasure')).length, 1);
  });

  it('goes to findings with Tab, fuses and measures one, and shows its measurement', async () => {
    view = await browser.open('panel', 'dark', { width: 360, height: 700 });
    const drawing = draw(pair);
    await view.send(messageOf(drawing));
    await view.shown();
    await view.page.locator('canvas.graph').focus();
    await view.page.keyboard.press('Tab');
    assert.deepEqual(await posted('selectNode'), [{ type: 'selectNode', node: { graph: 'main', node: 'h' } }]);
    const inspector = view.page.locator('.inspector');
    assert.match(await inspector.innerText(), /Conv → InstanceNormalization → Relu can fuse/);
    await inspector.locator('vscode-button', { hasText: 'Fuse' }).click();
    await inspector.locator('vscode-button', { hasText: 'Measure' }).click();
    const { id } = drawing.findings[0]!;
    assert.deepEqual((await view.messages()).slice(-2), [
      { type: 'requestFuse', finding: id },
      { type: 'requestMeasure', finding: id },
    ]);
    await view.send({
      type: 'measurements',
      measurements: { [id]: { kind: 'measured', speedup: 2.13, title: '2.1× on this machine', detail: 'Fused: 2 ms' } },
      running: false,
    });
    assert.match(await inspector.innerText(), /2\.1× on this machine\s+Fused: 2 ms/);
    assert.match(await view.page.locator('.chip.fusable').innerText(), /1 can fuse · mean 2\.1×/);
    await view.page.keyboard.press('Tab');
    assert.notEqual(await view.page.evaluate('document.activeElement.className'), 'graph');
  });

  it('selects the node that is clicked, and the one that the host names', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(chain(200))));
    await view.shown();
    await view.send({ type: 'select', node: { graph: 'main', node: 'v150' } });
    await view.settled();
    assert.equal((await camera()).selected, 'v150');
    assert.deepEqual(await posted('selectNode'), []);
    await view.page.mouse.click((await middle()).x, (await middle()).y);
    assert.deepEqual(await posted('selectNode'), [{ type: 'selectNode', node: { graph: 'main', node: 'v150' } }]);
    await view.page.mouse.click(20, (await middle()).y);
    assert.equal((await camera()).selected, undefined);
  });

  it('keeps the view where it is when the model changes above it', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(chain(200))));
    await view.shown();
    await view.send({ type: 'select', node: { graph: 'main', node: 'v150' } });
    const before = await camera();
    const longer = chain(200).replace('v1 = Relu (x)', 'a = Relu (x)\n  b = Relu (a)\n  v1 = Relu (b)');
    await view.send(messageOf(draw(longer), { version: 2 }));
    await view.page.waitForTimeout(200);
    await view.settled();
    const after = await camera();
    assert.equal(after.scale, before.scale);
    assert.equal(after.selected, 'v150');
    assert.ok(after.y > before.y + 100, 'the new nodes are above');
    await view.page.mouse.click((await middle()).x, (await middle()).y);
    assert.deepEqual((await posted('selectNode')).at(-1), {
      type: 'selectNode',
      node: { graph: 'main', node: 'v150' },
    });
  });

  it('leaves a drawing alone that is older than the one it shows', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(pair), { version: 5, fileName: 'new.onnx' }));
    await view.shown();
    await view.send(messageOf(draw(chain(3)), { version: 4, fileName: 'old.onnx' }));
    await view.settled();
    assert.match(await view.page.locator('.summary').innerText(), /new\.onnx/);
  });

  it('comes back to the view that was left', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(chain(200))));
    await view.shown();
    await view.send({ type: 'select', node: { graph: 'main', node: 'v150' } });
    await view.page.locator('vscode-button[aria-label^="Zoom in"]').click();
    const left = await camera();
    await view.page.reload();
    await view.until((messages) => messages.some(({ type }) => type === 'ready'));
    await view.send(messageOf(draw(chain(200))));
    await view.shown();
    const { scale, x, y, selected } = await camera();
    assert.deepEqual([scale, selected], [left.scale, 'v150']);
    assert.ok(Math.abs(x - left.x) < 1 && Math.abs(y - left.y) < 1);
  });

  it('pans and zooms with wheel, drag and keys', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(chain(200))));
    await view.shown();
    const start = await camera();
    const { x, y } = await middle();
    await view.page.mouse.move(x, y);
    await view.page.mouse.wheel(0, 300);
    const scrolled = await camera();
    assert.ok(Math.abs(scrolled.y - start.y - 300 / start.scale) < 2);
    await view.page.keyboard.down('Control');
    await view.page.mouse.wheel(0, -240);
    await view.page.keyboard.up('Control');
    const zoomed = await camera();
    assert.ok(zoomed.scale > 1.5 * scrolled.scale);
    await view.page.mouse.down();
    await view.page.mouse.move(x, y - 100, { steps: 4 });
    await view.page.mouse.up();
    const dragged = await camera();
    assert.ok(Math.abs(dragged.y - zoomed.y - 100 / zoomed.scale) < 3);
    assert.deepEqual(await posted('selectNode'), []);
    await view.page.locator('canvas.graph').press('0');
    assert.ok((await camera()).scale < 0.1);
  });

  it('finds nodes by name', async () => {
    view = await browser.open('page');
    await view.send(messageOf(draw(chain(30))));
    await view.shown();
    await view.page.locator('vscode-text-field input').fill('v2');
    assert.match(await view.page.locator('.search').innerText(), /1 of 11/);
    await view.page.keyboard.press('Enter');
    assert.match(await view.page.locator('.search').innerText(), /2 of 11/);
    assert.equal((await camera()).selected, 'v20');
    await view.page.keyboard.press('Escape');
    assert.equal(await view.page.evaluate('document.activeElement.className'), 'graph');
  });

  it('offers the graphs in a model, and goes into a node’s own', async () => {
    view = await browser.open('page');
    const text = modelText({
      declared: [],
      inputs: 'float[2] x, bool c',
      nodes: [
        'y = If (c) <then_branch = t () => (float[2] a) { a = Neg (x) }, else_branch = e () => (float[2] a) { a = Abs (x) }>',
      ],
      outputs: 'float[2] y',
    });
    await view.send(messageOf(draw(text)));
    await view.shown();
    await view.send({ type: 'select', node: { graph: 'main/y.else_branch', node: 'a' } });
    await view.page.waitForTimeout(200);
    assert.match(await view.page.locator('.inspector h2').innerText(), /Abs/);
    assert.match(await view.page.locator('vscode-dropdown .selected-value').innerText(), /else_branch/);
    await view.page.locator('vscode-dropdown').click();
    await view.page.locator('vscode-option', { hasText: 'then_branch' }).click();
    await view.page.locator('vscode-text-field input').fill('Neg');
    assert.match(await view.page.locator('.search').innerText(), /1 of 1/);
  });

  it('draws in the colours of every theme', async () => {
    view = await browser.open('page', 'light');
    const { model, source } = sampleModel();
    await view.send(messageOf(drawingOf(model, findFusions(model), [], { source })));
    await view.shown();
    const seen = new Set<string>();
    for (const theme of ['light', 'dark', 'highContrast', 'highContrastLight'] as const) {
      await view.setTheme(theme);
      seen.add((await view.page.locator('canvas.graph').screenshot()).toString('base64'));
    }
    assert.equal(seen.size, 4);
  });

  it('shows a graph of 10,000 nodes, and the newest one when several come at once', async () => {
    view = await browser.open('page');
    const drawing = draw(chain(10_000));
    const start = Date.now();
    for (const version of [1, 2, 3]) await view.send(messageOf(drawing, { version, notice: `version ${version}` }));
    await view.shown();
    assert.ok(Date.now() - start < 15_000, `${Date.now() - start} ms`);
    assert.match(await view.page.locator('.summary').innerText(), /version 3/);
    await view.page.locator('canvas.graph').press('0');
    await view.page.locator('canvas.graph').press('End');
    await view.settled();
  });
});
