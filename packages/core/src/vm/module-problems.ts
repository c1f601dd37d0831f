/** Why a module can't be loaded: every reason, each with its error code. */
import { exportSignatures } from '../abi/callback-signatures.js';
import { findMarkers } from '../abi/version.js';
import type { ErrorCode } from '../errors.js';
import type { ExaminedModule } from './compile-cache.js';
import { PAGE_BYTES, type ModuleOutline } from './module-reader.js';
import type { ImportReport, ModuleReport } from './module-report.js';

export interface ModuleProblem {
  readonly code: ErrorCode;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** In the order in which they should be dealt with; empty: the module can be loaded. */
export function findProblems(report: ModuleReport, examined: ExaminedModule): ModuleProblem[] {
  const { outline } = examined;
  const problems = [
    markerProblem(report),
    allocatorProblem(report),
    sharedMemory(report),
    memoryProblem(report, outline),
    limitProblem(examined),
    missingImports(report),
    wrongImports(report),
    wrongExports(report),
  ];
  return problems.filter((problem) => problem !== undefined);
}

function markerProblem({ abiVersion, exports }: ModuleReport): ModuleProblem | undefined {
  if (abiVersion !== undefined) return undefined;
  const markers = findMarkers(exports.map(({ name }) => name));
  const found =
    markers.length === 0
      ? 'the module has no ABI marker, so it is no proxy-wasm module'
      : `the module is for a proxy-wasm ABI that this host does not speak (${markers.join(', ')})`;
  return {
    code: 'PW_ERR_MODULE_ABI',
    message:
      `${found}; it must export proxy_abi_version_0_1_0, proxy_abi_version_0_2_0 or ` +
      'proxy_abi_version_0_2_1, as every SDK does',
  };
}

function allocatorProblem({ allocator }: ModuleReport): ModuleProblem | undefined {
  if (allocator !== undefined) return undefined;
  return {
    code: 'PW_ERR_MODULE_ALLOCATOR',
    message:
      'the module exports neither malloc nor proxy_on_memory_allocate, so the host can not hand ' +
      'it any bytes; export one of them (for clang: -Wl,--export=malloc)',
  };
}

function memoryProblem(
  { memory }: ModuleReport,
  { memory: outline, imports }: ModuleOutline,
): ModuleProblem | undefined {
  const reason =
    (memory === undefined &&
      'the module neither exports nor imports a memory; export it as memory') ||
    (outline?.memory64 === true &&
      'its memory has 64-bit addresses; build the module for wasm32') ||
    (imports.filter(({ kind }) => kind === 'memory').length > 1 &&
      'the module imports more than one memory; proxy-wasm has one') ||
    (memory?.imported === true &&
      memory.minimumBytes === undefined &&
      'the module imports its memory, whose size a WebAssembly.Module does not tell; give the bytes');
  return reason === false ? undefined : { code: 'PW_ERR_MODULE_MEMORY', message: reason };
}

function sharedMemory({ memory }: ModuleReport): ModuleProblem | undefined {
  if (memory?.shared !== true) return undefined;
  return {
    code: 'PW_ERR_MODULE_MEMORY_SHARED',
    message: 'its memory is shared with other threads; build the module without threads',
  };
}

/** Objects of the garbage collection proposal lie in the app's own heap, which they could fill. */
function limitProblem({ woven, refusal, outline }: ExaminedModule): ModuleProblem | undefined {
  // A memory of 64 bits is a problem of its own.
  if (refusal !== undefined && outline.memory?.memory64 !== true) {
    return {
      code: 'PW_ERR_MODULE_LIMITS',
      message:
        `limits.callbackTimeMs and memoryBytes can not be woven into the module: ${refusal.message}; ` +
        'build it with fewer WebAssembly features',
    };
  }
  if (woven?.allocatesObjects === true) {
    return {
      code: 'PW_ERR_MODULE_LIMITS',
      message:
        'the module makes objects of the garbage collection proposal, which limits.memoryBytes can ' +
        'not hold; build it without them, or set limits.callbackTimeMs to false if you trust it',
    };
  }
  const { excess, caps } = woven ?? {};
  if (excess === undefined || caps === undefined) return undefined;
  const [needs, has] =
    excess.of === 'memory'
      ? [`${bytes(excess.minimum)} of memory`, `${bytes(caps.memoryPages)}`]
      : [`a table of ${String(excess.minimum)} entries`, `${String(caps.tableEntries)} entries`];
  return {
    code: 'PW_ERR_MODULE_MEMORY_LIMIT',
    message:
      `the module needs ${needs} from the start, and limits.memoryBytes allows ${has}; raise the ` +
      'limit, or build the module with a smaller initial memory',
  };
}

function bytes(pages: number): string {
  return `${String(pages * PAGE_BYTES)} bytes`;
}

function missingImports({ imports, abiVersion }: ModuleReport): ModuleProblem | undefined {
  const missing = imports.filter(({ state }) => state === 'missing');
  if (missing.length === 0) return undefined;
  const version = abiVersion === undefined ? '' : ` for ABI ${abiVersion}`;
  return {
    code: 'PW_ERR_MODULE_IMPORTS',
    message:
      `the module imports ${String(missing.length)} of what this host does not have${version}: ` +
      `${missing.map(nameImport).join(', ')}; functions in env can be given as the host's ` +
      'hostFunctions',
  };
}

function nameImport({ module, name, signature = '', note }: ImportReport): string {
  const hint = note === undefined ? '' : ` [${note}]`;
  return `${module}.${name} ${signature}`.trimEnd() + hint;
}

function wrongImports({ imports }: ModuleReport): ModuleProblem | undefined {
  const wrong = imports.filter(({ state }) => state === 'wrong-signature');
  if (wrong.length === 0) return undefined;
  return {
    code: 'PW_ERR_MODULE_IMPORTS',
    message:
      `the module imports functions with other types than this host has: ` +
      `${wrong.map(nameImport).join(', ')}; build it with an SDK for its ABI version`,
  };
}

function wrongExports({ exports, abiVersion }: ModuleReport): ModuleProblem | undefined {
  const wrong = exports.filter(({ state }) => state === 'wrong-signature');
  if (wrong.length === 0) return undefined;
  const named = wrong.map(({ name, signature = '', calledByHost }) => {
    const expected = exportSignatures(name, abiVersion, calledByHost) ?? [];
    return `${name} ${signature} [expected ${expected.join(' or ')}]`;
  });
  return {
    code: 'PW_ERR_MODULE_EXPORTS',
    message:
      `the module exports callbacks with other types than ABI ${abiVersion ?? '0.2.1'} gives them: ` +
      `${named.join(', ')}; build it with an SDK for its ABI version`,
  };
}
