import path from 'node:path';
import { fileURLToPath } from 'node:url';
import importPlugin from 'eslint-plugin-import';
import tseslint from 'typescript-eslint';

const root = path.dirname(fileURLToPath(import.meta.url));

/** What each part may import of ours, itself included: the import rules of ARCHITECTURE.md. */
const mayImport = {
  'src/core/wire': ['src/core/wire'],
  'src/core/onnx': ['src/core/onnx', 'src/core/wire'],
  'src/core/text': ['src/core/text', 'src/core/onnx', 'src/core/wire'],
  'src/core/fusion': ['src/core/fusion', 'src/core/text', 'src/core/onnx', 'src/core/wire'],
  'src/core/language': ['src/core/language', 'src/core/fusion', 'src/core/text', 'src/core/onnx', 'src/core/wire'],
  'src/core/layout': ['src/core/layout', 'src/core/fusion', 'src/core/text', 'src/core/onnx', 'src/core/wire'],
  'src/files': ['src/files', 'src/core'],
  'src/measure': ['src/measure', 'src/files', 'src/core'],
  'src/kernel': ['src/kernel'],
  'src/protocol.ts': ['src/core'],
  'src/host': ['src/host', 'src/core', 'src/files', 'src/measure', 'src/protocol.ts'],
  webview: ['webview', 'src/core', 'src/protocol.ts'],
};
const corePart = /^src\/core\//;
const parts = [...Object.keys(mayImport), 'src/extension.ts', 'src/cli.ts', 'test', 'scripts'];
const zones = Object.entries(mayImport).map(([part, allowed]) => ({
  target: `${root}/${part}`,
  from: parts
    .filter((other) => !allowed.includes(other) && !(corePart.test(other) && allowed.includes('src/core')))
    .map((other) => `${root}/${other}`),
  message: `${part} may import only ${allowed.join(', ')} (see ARCHITECTURE.md)`,
}));

const vscode = { name: 'vscode', message: 'Only src/host and src/extension.ts import vscode.' };
const onnxProto = { name: 'onnx-proto', message: 'Only src/core/onnx/decode.ts imports onnx-proto.' };
const toolkit = { name: '@vscode/webview-ui-toolkit', message: 'Only webview/controls.ts imports the toolkit.' };
const node = { group: ['node:*', 'onnxruntime-node'], message: 'This part runs without Node.' };
const restrictImports = (paths, patterns = []) => ({ 'no-restricted-imports': ['error', { paths, patterns }] });

export default tseslint.config(
  { ignores: ['dist/**', '**/node_modules/**', 'test/e2e/shots/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/core/tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: root,
      },
    },
    plugins: { import: importPlugin },
    settings: {
      'import/resolver': { node: { extensions: ['.ts', '.js'] } },
      'import/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      'no-console': 'error',
      'import/no-restricted-paths': ['error', { zones }],
      'import/no-cycle': 'error',
      ...restrictImports([vscode, onnxProto, toolkit]),
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['src/core/**/*.ts', 'src/protocol.ts'],
    rules: {
      ...restrictImports([vscode, onnxProto, toolkit], [node]),
      'no-restricted-globals': ['error', 'window', 'document', 'process', 'Buffer', 'require', '__dirname'],
    },
  },
  { files: ['src/core/onnx/decode.ts'], rules: restrictImports([vscode, toolkit], [node]) },
  { files: ['webview/**/*.ts'], rules: restrictImports([vscode, onnxProto, toolkit], [node]) },
  { files: ['webview/controls.ts'], rules: restrictImports([vscode, onnxProto], [node]) },
  { files: ['src/host/**/*.ts', 'src/extension.ts', 'test/e2e/**/*.ts'], rules: restrictImports([onnxProto, toolkit]) },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
);
