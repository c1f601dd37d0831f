import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

import { PATIENCE_MS } from './scripts/vitest/patience-ms.js';

// Tests read the workspace packages from their sources, so they need no build.
const conditions = ['@proxy-wasm-node/source', 'module', 'node', 'development'];

// Worker threads do so too.
const sources = fileURLToPath(new URL('scripts/sources/register.mjs', import.meta.url));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: PATIENCE_MS } },
    setupFiles: [fileURLToPath(new URL('scripts/vitest/patience.ts', import.meta.url))],
    execArgv: ['--import', sources],
    // Half the files wait for sockets and timers: leaving a core free, as is the default, wastes it.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
          exclude: ['packages/conformance/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['packages/conformance/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
