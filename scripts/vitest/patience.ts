/**
 * How long tests wait for a condition, unless they say otherwise. vitest's own second is too short where
 * the machine is busy; a condition that holds is seen at once all the same.
 */
import { vi } from 'vitest';

import { PATIENCE_MS } from './patience-ms.js';

const { waitFor, waitUntil } = vi;

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

interface Patience {
  timeout?: number;
  interval?: number;
}

function patient(options: number | Patience = {}): Patience {
  return {
    timeout: PATIENCE_MS,
    ...(typeof options === 'number' ? { timeout: options } : options),
  };
}
