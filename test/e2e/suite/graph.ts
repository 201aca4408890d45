import * as vscode from 'vscode';
import { driver, until } from './support';
import type { WebviewPlace } from '../protocol';

/** What the summary says of the pairs. */
export interface Chips {
  readonly fusable: number;
  readonly blocked: number;
  readonly fused: number;
}

/** The counts that a graph's summary shows; undefined where the screen can't be read. */
export async function chips(webview: WebviewPlace): Promise<Chips | undefined> {
  const texts = await driver.texts({ selector: '.summary .chip', webview });
  if (!texts) return undefined;
  const count = (ending: string): number => {
    const text = texts.find((candidate) => candidate.includes(ending));
    return text === undefined ? 0 : Number.parseInt(text.trim(), 10);
  };
  return { fusable: count('can fuse'), blocked: count('can’t fuse'), fused: count('fused') };
}

/** Waits until the summary shows these counts. */
export async function waitForChips(webview: WebviewPlace, wanted: Partial<Chips>): Promise<void> {
  if (!driver.onScreen) return;
  await until(`${JSON.stringify(wanted)} in the ${webview}'s summary`, async () => {
    const shown = await chips(webview).catch(() => undefined);
    return shown && Object.entries(wanted).every(([key, value]) => shown[key as keyof Chips] === value);
  });
}

/** The drawing's pixels, as a data address; equal when nothing that is seen has changed. */
export async function picture(webview: WebviewPlace): Promise<string | undefined> {
  return (await driver.evaluate(`document.querySelector('canvas.graph').toDataURL()`, webview)) as string | undefined;
}

/** Waits until the drawing has stopped changing. */
export async function settledPicture(webview: WebviewPlace): Promise<string | undefined> {
  if (!driver.onScreen) return undefined;
  let last = '';
  return until('the drawing stands still', async () => {
    const now = (await picture(webview)) ?? '';
    await new Promise((resolve) => setTimeout(resolve, 200));
    const still = now === last && now === (await picture(webview));
    last = now;
    return still ? now : undefined;
  });
}

/** Operator and name of the selected node, as the details beside the graph show them. */
export async function selectedNode(webview: WebviewPlace): Promise<string | undefined> {
  const [name] = (await driver.texts({ selector: '.inspector .name', webview })) ?? [];
  return name?.trim();
}

/** Shows the graph in the side panel, and waits until the panel has the focus that it takes when it is there. */
export async function openGraphPanel(): Promise<void> {
  await vscode.commands.executeCommand('onnxFusionLens.graph.focus');
  if (!driver.onScreen) return;
  await driver.waitFor({ selector: '.stage', webview: 'panel' });
  await until('the panel has the focus', () => driver.evaluate(`document.activeElement?.matches('iframe.webview')`));
}
