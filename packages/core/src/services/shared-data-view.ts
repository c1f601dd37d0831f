import { ProxyWasmError } from '../errors.js';
import type { SharedState, SharedValue } from './shared-state.js';

/** A value as the app sees it. */
export interface SharedDataEntry {
  /** A copy. */
  value: Buffer;
  /** The version of the value, for a `set` that must not overwrite another one. */
  cas: number;
}

/** Whose shared data is meant. */
export interface SharedDataScope {
  /** Whose data: the plugins' `vm.id`. Default: '', that of plugins without one. */
  vmId?: string;
}

/** The app's access to the data that filters share (`proxy_get_shared_data`). */
export interface SharedDataView {
  /** The value and its version; undefined: there is none. */
  get(key: string, scope?: SharedDataScope): SharedDataEntry | undefined;
  /**
   * @param value text is stored as UTF-8
   * @param scope `cas`: write only if the value still has this version, or there is none
   * @returns whether it was written: false where it has another version by now
   * @throws ProxyWasmError PW_ERR_SHARED_STATE_FULL, and what the store throws
   */
  set(key: string, value: string | Uint8Array, scope?: SharedDataScope & { cas?: number }): boolean;
  /** False: it was not there. */
  delete(key: string, scope?: SharedDataScope): boolean;
  /** Keys are shown as text (UTF-8). */
  entries(scope?: SharedDataScope): [key: string, entry: SharedDataEntry][];
}

export function createSharedDataView(state: SharedState): SharedDataView {
  return {
    get: (key, { vmId = '' } = {}) => {
      const found = state.get(vmId, toBytes(key));
      return found === undefined ? undefined : toEntry(found);
    },
    set: (key, value, { vmId = '', cas = 0 } = {}) => {
      const result = state.set(vmId, toBytes(key), Uint8Array.from(Buffer.from(value)), cas);
      if (result === 'full') throw full(vmId);
      return result === 'ok';
    },
    delete: (key, { vmId = '' } = {}) => state.delete(vmId, toBytes(key)),
    entries: ({ vmId = '' } = {}) =>
      Array.from(state.entries(vmId), ([key, value]) => [toText(key), toEntry(value)]),
  };
}

function toEntry({ value, cas }: SharedValue): SharedDataEntry {
  return { value: Buffer.from(value), cas };
}

/** The store has keys as one character per byte. */
function toBytes(key: string): string {
  return Buffer.from(key, 'utf8').toString('latin1');
}

function toText(key: string): string {
  return Buffer.from(key, 'latin1').toString('utf8');
}

function full(vmId: string): ProxyWasmError {
  return new ProxyWasmError(
    'PW_ERR_SHARED_STATE_FULL',
    `the shared data of vm id "${vmId}" would pass a limit of the store; delete keys, or give the ` +
      'host a store with higher limits (createSharedState)',
  );
}
