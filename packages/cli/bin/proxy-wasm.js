#!/usr/bin/env node
// There before anything is built, so that a clone has the command linked when it is.
await import(new URL('../dist/bin.js', import.meta.url).href);
