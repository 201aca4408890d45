import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import type { Reply, Request, Target, WebviewPlace } from './protocol';

const actionLimitMs = 20_000;

/** Notes on each webview on the screen where it lies; webviews float above the workbench, outside their editors. */
const markWebviews = `{
  const editors = document.querySelector('.part.editor').getBoundingClientRect();
  for (const frame of document.querySelectorAll('iframe.webview')) {
    const box = frame.getBoundingClientRect();
    const x = box.x + box.width / 2;
    const inEditors = x > editors.left && x < editors.right && box.y + 1 < editors.bottom;
    const shown = box.width > 0 && getComputedStyle(frame).visibility === 'visible' && frame.matches('.ready');
    frame.dataset.place = shown ? (inEditors ? 'editor' : 'panel') : 'none';
  }
}`;

async function frame(page: Page, place: WebviewPlace, limitMs: number): Promise<FrameLocator> {
  const selector = `iframe.webview[data-place="${place}"]`;
  for (const end = Date.now() + limitMs; ;) {
    await page.evaluate(markWebviews);
    if ((await page.locator(selector).count()) > 0) break;
    if (Date.now() > end) throw new Error(`no webview in the ${place} after ${limitMs} ms`);
    await page.waitForTimeout(50);
  }
  return page.locator(selector).first().contentFrame().frameLocator('#active-frame');
}

async function locate(page: Page, target: Target, limitMs = actionLimitMs): Promise<Locator> {
  const within = target.webview === undefined ? page : await frame(page, target.webview, limitMs);
  const elements = within.locator(`${target.selector}:visible`);
  return target.hasText === undefined ? elements : elements.filter({ hasText: target.hasText });
}

/** Waits until something that matches is on the screen, or nothing is. Webviews may be replaced meanwhile. */
async function waitFor(page: Page, target: Target, wanted: boolean, limitMs: number): Promise<void> {
  for (const end = Date.now() + limitMs; ;) {
    const count = await locate(page, target, 0)
      .then((elements) => elements.count())
      .catch(() => 0);
    if (count > 0 === wanted) return;
    if (Date.now() > end) throw new Error(`still ${wanted ? 'not ' : ''}on the screen after ${limitMs} ms`);
    await page.waitForTimeout(50);
  }
}

async function perform(page: Page, shots: string, request: Request): Promise<unknown> {
  switch (request.action) {
    case 'click': {
      const { button, count, position } = request.options;
      await (await locate(page, request.target)).first().click({
        timeout: actionLimitMs,
        ...(button && { button }),
        ...(count !== undefined && { clickCount: count }),
        ...(position && { position }),
      });
      return undefined;
    }
    case 'press':
      await page.keyboard.press(request.keys);
      return undefined;
    case 'type':
      await page.keyboard.type(request.text, { delay: 15 });
      return undefined;
    case 'scroll':
      await (await locate(page, request.target)).first().hover({ timeout: actionLimitMs });
      await page.mouse.wheel(0, request.deltaY);
      return undefined;
    case 'drag': {
      const box = await (await locate(page, request.target)).first().boundingBox({ timeout: actionLimitMs });
      if (!box) throw new Error(`${request.target.selector} isn't on the screen`);
      const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(from.x + request.by.x, from.y + request.by.y, { steps: 8 });
      await page.mouse.up();
      return undefined;
    }
    case 'waitFor':
      await waitFor(page, request.target, request.state === 'visible', request.ms);
      return undefined;
    case 'texts':
      return (await (await locate(page, request.target)).allInnerTexts()).map((text) => text.replaceAll('\u00a0', ' '));
    case 'evaluate':
      if (request.webview === undefined) return page.evaluate(request.expression);
      return (await frame(page, request.webview, actionLimitMs))
        .locator('html')
        .evaluate(request.expression, { timeout: actionLimitMs });
    case 'screenshot': {
      const file = path.join(shots, `${request.name.replaceAll(/[^\w.-]+/g, '-')}.png`);
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: file, timeout: actionLimitMs });
      return file;
    }
  }
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export interface Bridge {
  /** Where the suite posts its requests; the path is a secret of this run. */
  readonly address: string;
  /** Gives the bridge its window, once that is open. */
  attach(page: Page): void;
  close(): void;
}

/**
 * Listens on 127.0.0.1 for what the suite wants done in the window: mouse, keyboard, reading, screenshots.
 * @param shots folder for the screenshots
 */
export async function startBridge(shots: string): Promise<Bridge> {
  const secret = `/${randomUUID()}`;
  let page: Page | undefined;
  const answer = async (message: IncomingMessage): Promise<Reply> => {
    if (!page) return { error: 'the window is not open yet' };
    const request = JSON.parse(await readBody(message)) as Request;
    try {
      return { value: await perform(page, shots, request) };
    } catch (error) {
      const reason = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
      return { error: `${JSON.stringify(request)}: ${reason}` };
    }
  };
  const server = createServer((message, response) => {
    if (message.url !== secret || message.method !== 'POST') {
      response.writeHead(404).end();
      return;
    }
    void answer(message).then((reply) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}${secret}`,
    attach(opened) {
      page = opened;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
