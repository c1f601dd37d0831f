import {
  CallbackFigures,
  DURATION_BUCKETS,
  type Durations,
  type ReturnHook,
} from './callback-figures.js';
import type { MetricSample } from './metric-samples.js';

/** What the host counts about itself and its plugins, all of it where it costs nothing. */
export class HostFigures {
  /** VMs that have been started. */
  vmsCreated = 0;
  /** VMs that live. */
  vmsActive = 0;
  /** Lines that a logger threw at, or that were more than a VM may log. */
  logLinesDropped = 0;
  /** Of remote code, by the end of Envoy's names. */
  readonly remoteLoads = {
    cache_hits: 0,
    cache_misses: 0,
    cache_negative_hits: 0,
    fetch_successes: 0,
    fetch_failures: 0,
  };
  readonly #onReturn: ReturnHook | undefined;
  readonly #plugins = new Map<string, PluginFigures>();

  /** @param onReturn how the end of a callback is heard of; undefined: callbacks are not counted */
  constructor(onReturn: ReturnHook | undefined) {
    this.#onReturn = onReturn;
  }

  /** The figures of the plugins of that name; {@link release} them when the plugin closes. */
  acquire(name: string): PluginFigures {
    const figures = this.#plugins.get(name) ?? new PluginFigures(this.#onReturn);
    this.#plugins.set(name, figures);
    figures.plugins += 1;
    return figures;
  }

  release(name: string): void {
    const figures = this.#plugins.get(name);
    if (figures === undefined) return;
    figures.plugins -= 1;
    if (figures.plugins === 0) this.#plugins.delete(name);
  }

  read(): MetricSample[] {
    return [
      counter('wasm.created', this.vmsCreated),
      gauge('wasm.active', this.vmsActive),
      counter('wasm.log_lines_dropped', this.logLinesDropped),
      ...Object.entries(this.remoteLoads).map(([name, value]) =>
        counter(`wasm.remote_load_${name}`, value),
      ),
      ...[...this.#plugins].flatMap(([plugin, figures]) => figures.read({ plugin })),
    ];
  }
}

/** A plugin context, as far as it is counted. */
export interface CountedContext {
  readonly streams: number;
  readonly pausedStreams: number;
  readonly localResponses: number;
  readonly vm: { readonly memory: { readonly sizeBytes: number } };
  atEnd(cleanup: () => void): void;
}

/** Of all plugins of one name. */
export class PluginFigures {
  plugins = 0;
  /** null: switched off. */
  readonly callbacks: CallbackFigures | null;
  /** Failures of VMs: traps and the like. */
  failures = 0;
  reloadSuccesses = 0;
  reloadFailures = 0;
  /** Streams that came while a failed plugin was not to be started again yet. */
  reloadBackoffs = 0;
  /** Streams that the plugin paused and did not resume in time. */
  pauseTimeouts = 0;
  /** Of contexts that have ended. */
  #localResponses = 0;
  #peakMemoryBytes = 0;
  readonly #contexts = new Set<CountedContext>();

  constructor(onReturn: ReturnHook | undefined) {
    this.callbacks = onReturn === undefined ? null : new CallbackFigures(onReturn);
  }

  /** Counts a context as long as it lives. Safe to call again, as plugins that share one do. */
  watch(context: CountedContext): void {
    if (this.#contexts.has(context)) return;
    this.#contexts.add(context);
    context.atEnd(() => {
      this.#peakMemory();
      this.#contexts.delete(context);
      this.#localResponses += context.localResponses;
    });
  }

  read(labels: { plugin: string }): MetricSample[] {
    const contexts = [...this.#contexts];
    const memoryBytes = this.#memoryBytes();
    const of = (count: (context: CountedContext) => number): number =>
      contexts.reduce((total, context) => total + count(context), 0);
    const localResponses = this.#localResponses + of((context) => context.localResponses);
    return [
      counter('wasm.vm_failures', this.failures, labels),
      counter('wasm.vm_reload_success', this.reloadSuccesses, labels),
      counter('wasm.vm_reload_failure', this.reloadFailures, labels),
      counter('wasm.vm_reload_backoff', this.reloadBackoffs, labels),
      gauge('wasm.vm_memory_size', memoryBytes, labels),
      gauge('wasm.vm_memory_high_water', this.#peakMemory(), labels),
      gauge(
        'wasm.streams',
        of(({ streams }) => streams),
        labels,
      ),
      gauge(
        'wasm.paused_streams',
        of(({ pausedStreams }) => pausedStreams),
        labels,
      ),
      counter('wasm.pause_timeouts', this.pauseTimeouts, labels),
      counter('wasm.local_responses', localResponses, labels),
      ...(this.callbacks === null ? [] : readCallbacks(this.callbacks, labels)),
    ];
  }

  /** A guest's memory never shrinks, so the highest size is the last one. */
  #peakMemory(): number {
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, this.#memoryBytes());
    return this.#peakMemoryBytes;
  }

  #memoryBytes(): number {
    const vms = new Set([...this.#contexts].map(({ vm }) => vm));
    return [...vms].reduce((total, { memory }) => total + memory.sizeBytes, 0);
  }
}

function readCallbacks(figures: CallbackFigures, labels: Labels): MetricSample[] {
  const samples = figures.readCallbacks().flatMap(({ callback, durations, ...counts }) => {
    const each = { ...labels, callback };
    return [
      counter('wasm.callback_calls', counts.calls, each),
      counter('wasm.callback_traps', counts.traps, each),
      counter('wasm.callback_pauses', counts.pauses, each),
      durationSample(durations, each),
    ];
  });
  const calls = figures
    .readUpstreamCalls()
    .map(({ type, result, calls: count }) =>
      counter('wasm.upstream_calls', count, { ...labels, type, result }),
    );
  return [...samples, ...calls];
}

/** The times of one callback: of those calls that were timed. */
export function durationSample(durations: Durations, labels: Labels): MetricSample {
  let upToHere = 0;
  const buckets = [...DURATION_BUCKETS, Infinity].map((upTo, index) => {
    upToHere += durations.counts[index] ?? 0;
    return { upTo, count: upToHere };
  });
  const { count, sumSeconds } = durations;
  const base = { name: 'wasm.callback_duration_seconds', labels, source: 'host' } as const;
  return { ...base, type: 'histogram', value: count, sum: sumSeconds, buckets };
}

type Labels = Readonly<Record<string, string>>;

function counter(name: string, value: number, labels: Labels = {}): MetricSample {
  return { name, type: 'counter', labels, value, source: 'host' };
}

function gauge(name: string, value: number, labels: Labels = {}): MetricSample {
  return { name, type: 'gauge', labels, value, source: 'host' };
}
