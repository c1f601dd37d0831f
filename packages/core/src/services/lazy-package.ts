import { createRequire } from 'node:module';

import { addWaitingTime } from '../waiting-time.js';

/**
 * A package that a guest's call is the first to need: loaded at once, since the guest is waiting. The
 * time that takes is not the guest's: on a slow machine it may be longer than a callback may run.
 *
 * @returns what it exports
 * @throws Error where it can not be loaded
 */
export function loadPackage(name: string): unknown {
  const begunMs = performance.now();
  try {
    return createRequire(import.meta.url)(name);
  } finally {
    addWaitingTime(performance.now() - begunMs);
  }
}
