#!/usr/bin/env node
/** The command `proxy-wasm`. */
import process from 'node:process';

import { main } from './program.js';

// Whoever reads the output may stop early: `proxy-wasm inspect main.wasm | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

void main(process.argv.slice(2), process).then((exitCode) => {
  process.exitCode = exitCode;
});
