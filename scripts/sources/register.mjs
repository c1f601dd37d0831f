/**
 * `node --import` this, and a thread that is started with a TypeScript file, or with the .js file
 * that would come of it, runs from the sources: in tests, worker threads do, which vitest does not
 * see. Node 20 can't strip types, and newer Nodes don't find `./a.js` where `./a.ts` is.
 */
import * as module from 'node:module';

import * as hooks from './hooks.mjs';

// Node 20 has only the other one, which newer Nodes warn of.
if ('registerHooks' in module) {
  /** @type {{ registerHooks(hooks: object): void }} */ (module).registerHooks(hooks);
} else {
  module.register('./hooks.mjs', import.meta.url);
}
