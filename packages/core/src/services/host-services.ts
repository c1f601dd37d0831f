import type { Clock, ForeignFunction } from '../options.js';
import type { ReturnHook } from './callback-figures.js';
import { ForeignFunctions } from './foreign-functions.js';
import { HostMetrics, type MetricsOptions } from './host-metrics.js';
import { MemoryState } from './memory-state.js';
import { QueueEvents } from './queue-events.js';
import type { SharedState } from './shared-state.js';
import { Timers } from './timers.js';

/** What hostcalls reach beside their own context: what all plugins of a host have in common. */
export interface HostServices {
  readonly timers: Timers;
  readonly sharedState: SharedState;
  readonly queueEvents: QueueEvents;
  readonly metrics: HostMetrics;
  readonly foreignFunctions: ForeignFunctions;
}

export interface ServiceOptions {
  readonly clock?: Clock | undefined;
  readonly sharedState?: SharedState | undefined;
  readonly metrics?: MetricsOptions | undefined;
  /** How the end of a callback is heard of; absent: callbacks are not counted. */
  readonly onReturn?: ReturnHook | undefined;
  readonly foreignFunctions?: Readonly<Record<string, ForeignFunction>> | undefined;
}

export function createServices(options: ServiceOptions = {}): HostServices {
  const { clock } = options;
  const sharedState: SharedState = options.sharedState ?? new MemoryState();
  return {
    timers: new Timers(clock),
    sharedState,
    queueEvents: new QueueEvents(sharedState),
    metrics: new HostMetrics(options.metrics, sharedState.metrics, options.onReturn),
    foreignFunctions: new ForeignFunctions(options.foreignFunctions),
  };
}
