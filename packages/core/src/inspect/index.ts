/**
 * The public names of `@proxy-wasm-node/core/inspect`: the compatibility report without the host, for
 * tools that should start fast.
 */
export { inspectModule } from './inspect.js';
export type { InspectOptions } from './inspect.js';
export type {
  EntryPoint,
  ExportReport,
  ImportReport,
  MemoryReport,
  ModuleReport,
} from '../vm/module-report.js';
