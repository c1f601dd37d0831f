import type { LogSink } from '../logger.js';
import type { PropertyValue } from '../vm/context.js';
import type { CallbackInstruments, UpstreamPort } from './ports.js';

/** What one configured use of a module is told about itself; the part of it that is not the VM. */
export interface PluginSettings {
  readonly name: string;
  readonly rootId: string;
  /** As the guest reads it in `proxy_on_configure`. */
  readonly configuration: Uint8Array;
  readonly log: LogSink;
  /** Properties that the app adds to what Node knows, by path; undefined: not given. */
  readonly property: (path: readonly string[]) => PropertyValue | undefined;
  /** What upstream names lead to. Closed with the plugin context. */
  readonly upstreams: UpstreamPort;
  /** null: nothing is counted. */
  readonly instruments: CallbackInstruments | null;
  /** Envoy's `allow_on_headers_stop_iteration`. */
  readonly allowOnHeadersStopIteration: boolean;
}
