import path from 'node:path';
import { fileURLToPath } from 'node:url';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

const root = path.dirname(fileURLToPath(import.meta.url));

/** `target` may import nothing of ours but `allowed`: the import rules of ARCHITECTURE.md. */
const mayImport = (target, allowed) => ({
  target: `${root}/${target}`,
  from: [`${root}/src`, `${root}/webview`, `${root}/test`, `${root}/scripts`],
  except: [],
  allowed,
});

const everything = [
  'src/core',
  'src/measure',
  'src/kernel',
  'src/host',
  'src/protocol.ts',
  'src/extension.ts',
  'src/cli.ts',
  'webview',
  'test',
  'scripts',
];
const zone = ({ target, allowed }) => ({
  target,
  from: everything.filter((place) => !allowed.includes(place)).map((place) => `${root}/${place}`),
  message: `${path.relative(root, target)} may import only: ${allowed.join(', ') || 'nothing of ours'} (see ARCHITECTURE.md)`,
});

const zones = [
  mayImport('src/core', ['src/core']),
  mayImport('src/protocol.ts', ['src/core']),
  mayImport('src/measure', ['src/measure', 'src/core']),
  mayImport('src/host', ['src/host', 'src/core', 'src/protocol.ts', 'src/measure']),
  mayImport('webview', ['webview', 'src/core', 'src/protocol.ts']),
].map(zone);

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '**/node_modules/**', 'test/e2e/shots/**', 'out/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/core/tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: root,
      },
    },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'no-console': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['src/core/**/*.ts', 'webview/**/*.ts', 'src/protocol.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['vscode', 'node:*', 'fs', 'path', 'os', 'child_process', 'worker_threads'] },
      ],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'window', 'document', 'process', 'Buffer', 'require', '__dirname'],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    ignores: ['src/core/onnx/decode.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['vscode', { name: 'onnx-proto', message: 'Only src/core/onnx/decode.ts imports onnx-proto.' }],
          patterns: ['node:*'],
        },
      ],
    },
  },
  {
    files: ['src/measure/**/*.ts', 'src/cli.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: ['vscode'] }] },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
