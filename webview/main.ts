import './style.css';
import { KIND_ATTRIBUTE, WORKER_ATTRIBUTE } from '../src/protocol';
import { App } from './app';

const editor = acquireVsCodeApi();
const { body } = document;
const app = new App(
  {
    post: (message) => editor.postMessage(message),
    getState: () => editor.getState(),
    setState: (state) => editor.setState(state),
  },
  body.getAttribute(KIND_ATTRIBUTE) === 'panel' ? 'panel' : 'page',
  body.getAttribute(WORKER_ATTRIBUTE) ?? '',
  body,
);

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => app.receive(data));
window.addEventListener('error', ({ message, filename, lineno }) => app.logError(`${message} (${filename}:${lineno})`));
window.addEventListener('unhandledrejection', ({ reason }) => app.logError(String(reason)));
editor.postMessage({ type: 'ready' });
