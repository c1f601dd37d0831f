/** The compatibility report: what a module asks of a host, and what this one makes of it. */
import { exportSignatures } from '../abi/callback-signatures.js';
import { exportMeaning } from '../abi/export-meanings.js';
import { HOSTCALL_SIGNATURES } from '../abi/hostcall-signatures.js';
import type { Signature } from '../abi/signature.js';
import type { AbiVersion } from '../abi/types.js';
import { findAbiVersion } from '../abi/version.js';
import { WASI_MODULES, WASI_SIGNATURES } from '../abi/wasi-signatures.js';
import type { ExaminedModule } from './compile-cache.js';
import { findProblems, type ModuleProblem } from './module-problems.js';
import {
  PAGE_BYTES,
  type ExportOutline,
  type ImportOutline,
  type ModuleOutline,
} from './module-reader.js';

/** One thing that a module imports. */
export interface ImportReport {
  module: string;
  name: string;
  /** `(i32, i64) -> (i32)`; of a memory `memory`; undefined where the module came without bytes. */
  signature: string | undefined;
  state: 'implemented' | 'missing' | 'wrong-signature';
  /** What else there is to know: who serves it, or the signature expected. */
  note: string | undefined;
}

/** One thing that a module exports. */
export interface ExportReport {
  name: string;
  /** As in {@link ImportReport}; of anything but a function its kind. */
  signature: string | undefined;
  /** What a host has it for; undefined: the spec does not know it. */
  meaning: string | undefined;
  calledByHost: boolean;
  state: 'ok' | 'wrong-signature';
}

/** The export by which a module is started; `none`: it has none. */
export type EntryPoint =
  | '_initialize'
  | '_initialize + main'
  | '_initialize + __main_void'
  | '_start'
  | 'start section'
  | 'none';

/** A module's memory, as it declares it. */
export interface MemoryReport {
  /** undefined where the module came without bytes. */
  minimumBytes: number | undefined;
  /** undefined: the module sets no maximum, or came without bytes. */
  maximumBytes: number | undefined;
  shared: boolean;
  imported: boolean;
}

/** Everything this host can tell about a module without running it. */
export interface ModuleReport {
  abiVersion: AbiVersion | undefined;
  entryPoint: EntryPoint;
  allocator: 'malloc' | 'proxy_on_memory_allocate' | undefined;
  imports: ImportReport[];
  exports: ExportReport[];
  memory: MemoryReport | undefined;
  /** What the `producers` section says, as `Rust, rustc 1.96.0`. */
  toolchain: string | undefined;
  /** undefined, as the digest, where the module came without bytes. */
  sizeBytes: number | undefined;
  sha256: string | undefined;
  /** Why this host would not load the module; empty if it would. */
  problems: string[];
  loadable: boolean;
}

/** What a host has, as far as a module may ask for it. */
export interface HostSupport {
  /** Whether modules of that version find a hostcall (in `env`). */
  hasHostcall(name: string, version: AbiVersion): boolean;
  /** Names in `env` that the app serves itself. */
  readonly hostFunctions: ReadonlySet<string>;
}

/** {@link ModuleReport} with the error code of each problem. */
export interface ModuleFindings {
  readonly report: ModuleReport;
  readonly problems: readonly ModuleProblem[];
}

/** Exports that this host calls, if a module has them. */
const CALLED: ReadonlySet<string> = new Set([
  'proxy_on_context_create',
  'proxy_on_vm_start',
  'proxy_on_configure',
  'proxy_on_tick',
  'proxy_on_queue_ready',
  'proxy_on_foreign_function',
  'proxy_on_new_connection',
  'proxy_on_downstream_data',
  'proxy_on_upstream_data',
  'proxy_on_downstream_connection_close',
  'proxy_on_upstream_connection_close',
  'proxy_on_request_headers',
  'proxy_on_request_body',
  'proxy_on_request_trailers',
  'proxy_on_response_headers',
  'proxy_on_response_body',
  'proxy_on_response_trailers',
  'proxy_on_http_call_response',
  'proxy_on_grpc_receive_initial_metadata',
  'proxy_on_grpc_receive',
  'proxy_on_grpc_receive_trailing_metadata',
  'proxy_on_grpc_close',
  'proxy_on_done',
  'proxy_on_log',
  'proxy_on_delete',
]);

/** Reads the outline with the host's eyes. Runs nothing. */
export function reportModule(examined: ExaminedModule, support: HostSupport): ModuleFindings {
  const { outline, sizeBytes, sha256 } = examined;
  const functions = functionNames(outline);
  const abiVersion = findAbiVersion(functions);
  const entryPoint = findEntryPoint(outline, functions);
  const allocator = findAllocator(functions);
  const called = new Set([...CALLED, ...entryPoint.split(' + '), ...(allocator ?? '').split(' ')]);
  const report: ModuleReport = {
    abiVersion,
    entryPoint,
    allocator,
    imports: outline.imports.map((entry) => reportImport(entry, abiVersion, support)),
    exports: outline.exports.map((entry) => reportExport(entry, abiVersion, called)),
    memory: reportMemory(outline),
    toolchain: outline.toolchain,
    sizeBytes,
    sha256,
    problems: [],
    loadable: true,
  };
  const problems = findProblems(report, examined);
  report.problems = problems.map(({ message }) => message);
  report.loadable = problems.length === 0;
  return { report, problems };
}

function functionNames({ exports }: ModuleOutline): string[] {
  return exports.filter(({ kind }) => kind === 'function').map(({ name }) => name);
}

function findEntryPoint(outline: ModuleOutline, functions: readonly string[]): EntryPoint {
  if (functions.includes('_initialize')) {
    if (functions.includes('main')) return '_initialize + main';
    return functions.includes('__main_void') ? '_initialize + __main_void' : '_initialize';
  }
  if (functions.includes('_start')) return '_start';
  return outline.hasStartSection ? 'start section' : 'none';
}

function findAllocator(functions: readonly string[]): ModuleReport['allocator'] {
  if (functions.includes('malloc')) return 'malloc';
  return functions.includes('proxy_on_memory_allocate') ? 'proxy_on_memory_allocate' : undefined;
}

function reportImport(
  { module, name, kind, signature }: ImportOutline,
  version: AbiVersion | undefined,
  support: HostSupport,
): ImportReport {
  const base = { module, name, signature: kind === 'function' ? signature : kind };
  if (kind === 'memory') return { ...base, state: 'implemented', note: undefined };
  if (kind !== 'function') {
    return { ...base, state: 'missing', note: 'only functions and a memory can be imported' };
  }
  const known = WASI_MODULES.includes(module)
    ? judgeWasi(name)
    : judgeEnv(module, name, version, support);
  if (!known.implemented) return { ...base, state: 'missing', note: known.note };
  if (signature === undefined || known.signatures.includes(signature)) {
    return { ...base, state: 'implemented', note: known.note };
  }
  if (known.signatures.length === 0) return { ...base, state: 'implemented', note: known.note };
  const note = `expected ${known.signatures.join(' or ')}`;
  return { ...base, state: 'wrong-signature', note };
}

interface Judgement {
  readonly implemented: boolean;
  /** Empty: any will do. */
  readonly signatures: readonly Signature[];
  readonly note: string | undefined;
}

const MISSING: Judgement = { implemented: false, signatures: [], note: undefined };

function judgeWasi(name: string): Judgement {
  const signatures = Object.hasOwn(WASI_SIGNATURES, name) ? WASI_SIGNATURES[name] : undefined;
  return signatures === undefined ? MISSING : { implemented: true, signatures, note: undefined };
}

function judgeEnv(
  module: string,
  name: string,
  version: AbiVersion | undefined,
  support: HostSupport,
): Judgement {
  if (module !== 'env') return MISSING;
  const known = Object.hasOwn(HOSTCALL_SIGNATURES, name) ? HOSTCALL_SIGNATURES[name] : undefined;
  // Without a marker the newest version is assumed, just to have something to report.
  const isHere = support.hasHostcall(name, version ?? known?.abiVersions.at(-1) ?? '0.2.1');
  if (isHere && known !== undefined) {
    return { implemented: true, signatures: [known.signature], note: undefined };
  }
  if (support.hostFunctions.has(name)) {
    return { implemented: true, signatures: [], note: 'served by hostFunctions' };
  }
  return { ...MISSING, note: missingNote(name, known?.abiVersions) };
}

function missingNote(
  name: string,
  versions: readonly AbiVersion[] | undefined,
): string | undefined {
  if (name === 'abort') return 'AssemblyScript: build with --use abort=abort_proc_exit';
  if (versions === undefined || versions.length === 3) return undefined;
  return `only in ABI ${versions.join(' and ')}`;
}

function reportExport(
  { name, kind, signature }: ExportOutline,
  version: AbiVersion | undefined,
  called: ReadonlySet<string>,
): ExportReport {
  const meaning = exportMeaning(name, kind);
  if (kind !== 'function') {
    return { name, signature: kind, meaning, calledByHost: false, state: 'ok' };
  }
  const calledByHost = called.has(name);
  const expected = exportSignatures(name, version, calledByHost);
  const isWrong =
    signature !== undefined && expected !== undefined && !expected.includes(signature);
  return { name, signature, meaning, calledByHost, state: isWrong ? 'wrong-signature' : 'ok' };
}

function reportMemory(outline: ModuleOutline): MemoryReport | undefined {
  const { memory, imports, exports } = outline;
  const imported = imports.some(({ kind }) => kind === 'memory');
  if (!imported && !exports.some(({ kind }) => kind === 'memory')) return undefined;
  return {
    minimumBytes: pagesToBytes(memory?.minimumPages),
    maximumBytes: pagesToBytes(memory?.maximumPages),
    shared: memory?.shared ?? false,
    imported,
  };
}

function pagesToBytes(pages: number | undefined): number | undefined {
  return pages === undefined ? undefined : pages * PAGE_BYTES;
}
