/** What a plugin tells the app, once no guest is on the stack. */
import type { ProxyWasmError } from './errors.js';

/** The events of a {@link Plugin}, and their arguments. */
export interface PluginEvents {
  /** Its VM has failed; streams get what the failure policy says. */
  failed: [error: ProxyWasmError, details: FailureDetails];
  /** It has a VM again that works. */
  recovered: [details: RecoveryDetails];
  /** New streams have a new VM; those that were open finish on the one before. */
  reloaded: [details: ReloadDetails];
}

/** What the event `failed` tells beside the error. */
export interface FailureDetails {
  /** Streams that were open on the plugin. */
  readonly streams: number;
  /** Whether it is started again on its own, with a growing delay. */
  readonly heals: boolean;
}

/** What the event `recovered` tells. */
export interface RecoveryDetails {
  /** What made it work again: an attempt of its own, or the app's `reload`. */
  readonly by: 'restart' | 'reload';
  /** Starts that failed since it failed. */
  readonly failedAttempts: number;
  /** How long it had no VM that works, in milliseconds. */
  readonly downMs: number;
}

/** What the event `reloaded` tells. */
export interface ReloadDetails {
  /** `reload()`, a changed file (`watch`), or a VM that had served its time (`recycle`). */
  readonly reason: ReloadReason;
  /** Of the code that runs now, in hex; undefined where it came compiled. */
  readonly sha256: string | undefined;
}

/** What has asked for a reload. */
export type ReloadReason = 'reload' | 'watch' | 'recycle';
