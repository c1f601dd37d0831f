#!/usr/bin/env node
/** The command `proxy-wasm`. */
import * as module from 'node:module';
import process from 'node:process';

// From Node 22 on: what was compiled once is not compiled again, which saves an eighth of a start.
if ('enableCompileCache' in module) (module.enableCompileCache as () => unknown)();

// Whoever reads the output may stop early: `proxy-wasm inspect main.wasm | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

// Not before the cache is there.
void import('./program.js').then(async ({ main }) => {
  process.exitCode = await main(process.argv.slice(2), process);
});
