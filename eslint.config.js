import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

import { layerConfigs } from './scripts/lint/layers.mjs';

// tsconfig.base.json takes the "dom" library for WebAssembly's types. These come along, and in Node they
// are either missing or a variable that somebody forgot to declare.
const BROWSER_GLOBALS = [
  ...['window', 'document', 'self', 'parent', 'top', 'location', 'history', 'screen', 'navigator'],
  ...['name', 'event', 'status', 'length', 'origin', 'closed', 'external', 'frames', 'opener'],
  ...['open', 'close', 'stop', 'print', 'find', 'focus', 'blur', 'alert', 'confirm', 'prompt'],
  ...['localStorage', 'sessionStorage', 'XMLHttpRequest', 'Worker', 'requestAnimationFrame'],
];

const TESTS = ['**/test/**', 'packages/conformance/**'];

export default defineConfig(
  {
    ignores: [
      '**/dist/',
      '**/coverage/',
      '**/node_modules/',
      'examples/filters/**/*.ts',
      'packages/conformance/filters/**/*.ts',
    ],
  },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-globals': ['error', ...BROWSER_GLOBALS],
      'no-undef': 'off', // the type checker knows better
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // An async function without await promises to reject instead of throwing: often the point.
      '@typescript-eslint/require-await': 'off',
      'max-depth': ['error', 3],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
    },
  },
  {
    name: 'the ABI sets how many parameters these have',
    files: ['packages/core/src/hostcalls/**', 'packages/core/src/vm/**'],
    rules: { 'max-params': 'off' },
  },
  {
    name: 'tests: long tables and blunt assertions are fine',
    files: TESTS,
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    name: 'plain JavaScript: examples read as a user would write them, scripts run without a build',
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
  },
  layerConfigs(),
);
