/** Compiles each module once per process, however many plugins use it. */
import { messageOf, ProxyWasmError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import type { CodeBytes } from './code-source.js';
import { checkHeader } from './module-header.js';
import { readModule, type ModuleOutline } from './module-reader.js';
import { readProducers } from './producers.js';

/** A module that the engine took, and what it says about itself. */
export interface CompiledModule {
  readonly module: WebAssembly.Module;
  readonly outline: ModuleOutline;
  /** Equal for equal code: a digest, or a number for a module that came without bytes. */
  readonly identity: string;
  /** Hex, of the original bytes; undefined for a module that came without them. */
  readonly sha256: string | undefined;
  readonly sizeBytes: number | undefined;
}

/**
 * By digest. Held weakly, so that code is freed with the last VM that runs it; a compilation that
 * is under way is held by its promise, and one that failed is forgotten.
 */
const cache = new Map<string, WeakRef<CompiledModule> | Promise<CompiledModule>>();

const freed = new FinalizationRegistry<string>((sha256) => {
  const entry = cache.get(sha256);
  if (entry instanceof WeakRef && entry.deref() === undefined) cache.delete(sha256);
});

/**
 * Compiles, off the event loop's thread where the engine can, or answers what was compiled before.
 *
 * @throws ProxyWasmError PW_ERR_MODULE_NOT_WASM, PW_ERR_MODULE_COMPONENT, PW_ERR_MODULE_INVALID
 */
export function compile(code: CodeBytes): Promise<CompiledModule> {
  const entry = cache.get(code.sha256);
  const known = entry instanceof WeakRef ? entry.deref() : entry;
  if (known !== undefined) return Promise.resolve(known);
  const compiling = compileNow(code).then(
    (compiled) => {
      cache.set(code.sha256, new WeakRef(compiled));
      freed.register(compiled, code.sha256);
      return compiled;
    },
    (error: unknown) => {
      cache.delete(code.sha256);
      throw error;
    },
  );
  cache.set(code.sha256, compiling);
  return compiling;
}

/** How many modules are compiled, or being compiled, and not freed yet. For tests. */
export function compiledCount(): number {
  return cache.size;
}

async function compileNow({ bytes, sha256 }: CodeBytes): Promise<CompiledModule> {
  checkHeader(bytes);
  const module = await engineCompile(bytes);
  const outline = readOutline(bytes);
  return { module, outline, identity: sha256, sha256, sizeBytes: bytes.length };
}

async function engineCompile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new ProxyWasmError(
      'PW_ERR_MODULE_INVALID',
      `this Node's WebAssembly engine refused the module: ${messageOf(cause)}; it is damaged, or ` +
        'uses a feature that this Node lacks (build it with fewer features, or use a newer Node)',
      { cause },
    );
  }
}

function readOutline(bytes: Uint8Array): ModuleOutline {
  try {
    return readModule(bytes);
  } catch (cause) {
    throw new ProxyWasmError(
      'PW_ERR_MODULE_INVALID',
      `the module could not be read, though the engine took it: ${messageOf(cause)}`,
      { cause },
    );
  }
}

const identities = new WeakMap<WebAssembly.Module, string>();
let lastIdentity = 0;

/** A module that the app compiled itself: known by its identity, its signatures not at all. */
export function adopt(module: WebAssembly.Module): CompiledModule {
  const identity = identities.get(module) ?? `module ${String((lastIdentity += 1))}`;
  identities.set(module, identity);
  return {
    module,
    outline: reflect(module),
    identity,
    sha256: undefined,
    sizeBytes: undefined,
  };
}

/** What WebAssembly's own reflection tells: names and kinds. */
function reflect(module: WebAssembly.Module): ModuleOutline {
  return {
    imports: WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => ({
      module: from,
      name,
      kind,
      signature: undefined,
      memory: undefined,
    })),
    exports: WebAssembly.Module.exports(module).map(({ name, kind }) => ({
      name,
      kind,
      signature: undefined,
    })),
    memory: undefined,
    // Not to be known; a module that has one runs it on its own anyway.
    hasStartSection: false,
    toolchain: readToolchain(module),
  };
}

function readToolchain(module: WebAssembly.Module): string | undefined {
  const [section] = WebAssembly.Module.customSections(module, 'producers');
  return section && readProducers(new ByteReader(new Uint8Array(section)));
}
