/**
 * Stands between one event of a server and the app's listeners for it, which may be added before or
 * after the gate. The listeners stay listed on the server, each wrapped, so `listenerCount`,
 * `listeners` and `removeListener` go on telling and doing what the app expects.
 */
import type { EventEmitter } from 'node:events';

export type Listener = (...values: unknown[]) => void;

/** What an app passes to `on`, and what stands on the server for it: found by `removeListener`. */
type Wrapper = Listener & { listener: Listener };

export interface GateRules {
  /** Decides on what the event is about: `proceed` lets it through to the app, now or later. */
  readonly enter: (values: readonly unknown[], proceed: () => void) => void;
  /** Listens where the app does not, and is not asked about. */
  readonly fallback?: Listener;
}

type Decision = 'passed' | (() => void)[];

/** Those of all gates: several filters may stand before one server. */
const gateWrappers = new WeakSet<Listener>();

/** Node's own mark of a function that stands for another, which `once` and this file leave. */
function isWrapper(listener: Listener): listener is Wrapper {
  return typeof (listener as Partial<Wrapper>).listener === 'function';
}

export class EventGate {
  readonly event: string;
  readonly #server: EventEmitter;
  readonly #rules: GateRules;
  /** By wrapper: the listener as it stood on the server. */
  readonly #wrapped = new WeakMap<Listener, Listener>();
  /** By the event's first value, its request. One for all listeners. */
  readonly #decisions = new WeakMap<object, Decision>();
  #arranging = false;
  #scheduled = false;
  #open = true;

  constructor(server: EventEmitter, event: string, rules: GateRules) {
    this.#server = server;
    this.event = event;
    this.#rules = rules;
    this.#arrange();
  }

  /** The app's listeners have changed, or are about to: they are wrapped before the next event. */
  listenersChanged(): void {
    if (this.#arranging || this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      if (this.#open) this.#arrange();
    });
  }

  /** Leaves the server as if the gate had never been there. */
  close(): void {
    this.#open = false;
    const listeners = this.#appListeners();
    const original = (listener: Listener): Listener => this.#wrapped.get(listener) ?? listener;
    this.#replace(listeners, listeners.map(original));
    this.#setFallback(false);
  }

  #appListeners(): Listener[] {
    const { fallback } = this.#rules;
    const listeners = this.#server.rawListeners(this.event) as Listener[];
    return listeners.filter((listener) => listener !== fallback);
  }

  #arrange(): void {
    const listeners = this.#appListeners();
    if (listeners.some((listener) => !this.#wrapped.has(listener))) {
      const wrap = (listener: Listener): Listener =>
        this.#wrapped.has(listener) ? listener : this.#wrap(listener);
      this.#replace(listeners, listeners.map(wrap));
    }
    this.#setFallback(listeners.length === 0);
  }

  /** All of them, so that their order stays. */
  #replace(before: readonly Listener[], after: readonly Listener[]): void {
    const server = this.#server;
    this.#arranging = true;
    for (const listener of before) server.removeListener(this.event, listener);
    for (const listener of after) server.on(this.event, listener);
    this.#arranging = false;
  }

  #setFallback(wanted: boolean): void {
    const { fallback } = this.#rules;
    if (fallback === undefined) return;
    const server = this.#server;
    if (wanted === server.rawListeners(this.event).includes(fallback)) return;
    this.#arranging = true;
    if (wanted) server.on(this.event, fallback);
    else server.removeListener(this.event, fallback);
    this.#arranging = false;
  }

  #wrap(raw: Listener): Wrapper {
    const server = this.#server;
    // What `once` puts on the server takes itself away when called, but here it does not stand.
    const isOnce = isWrapper(raw) && !gateWrappers.has(raw);
    const wrapper = ((...values: unknown[]): void => {
      if (isOnce) server.removeListener(this.event, wrapper);
      this.#decide(values, () => {
        raw.apply(server, values);
      });
    }) as Wrapper;
    wrapper.listener = isWrapper(raw) ? raw.listener : raw;
    gateWrappers.add(wrapper);
    this.#wrapped.set(wrapper, raw);
    return wrapper;
  }

  /** The first listener asks; the others wait for the same answer. */
  #decide(values: readonly unknown[], proceed: () => void): void {
    const key = values[0] as object;
    const decision = this.#decisions.get(key);
    if (decision === 'passed') {
      proceed();
    } else if (decision !== undefined) {
      decision.push(proceed);
    } else {
      const waiting = [proceed];
      this.#decisions.set(key, waiting);
      this.#rules.enter(values, () => {
        this.#decisions.set(key, 'passed');
        for (const go of waiting) go();
      });
    }
  }
}
