import type { Clock } from '../options.js';
import { Timers } from './timers.js';

/** What hostcalls reach beside their own context: what all plugins of a host have in common. */
export interface HostServices {
  readonly timers: Timers;
}

export interface ServiceOptions {
  readonly clock?: Clock | undefined;
}

export function createServices(options: ServiceOptions = {}): HostServices {
  return { timers: new Timers(options.clock) };
}
