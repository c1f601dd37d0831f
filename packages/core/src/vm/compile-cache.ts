/** Compiles each module once per process, however many plugins use it. */
import type { CodeBytes } from '../code/code-source.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { checkHeader } from './module-header.js';
import { readModule, type ModuleOutline } from './module-reader.js';
import { readProducers } from './producers.js';
import {
  openSourceLines,
  type DebugSections,
  type SourceLines,
} from './source-lines/source-lines.js';
import { WeaveError } from './weave/cursor.js';
import { SectionId, splitSections } from './weave/sections.js';
import { weaveModule, type WeaveLimits, type WovenModule } from './weave/weave-module.js';

/** A module that the engine took, and what it says about itself. */
export interface CompiledModule {
  readonly module: WebAssembly.Module;
  readonly outline: ModuleOutline;
  /** Equal for equal code: a digest, or a number for a module that came without bytes. */
  readonly identity: string;
  /** Hex, of the original bytes; undefined for a module that came without them. */
  readonly sha256: string | undefined;
  readonly sizeBytes: number | undefined;
  /** What was woven into `module`; undefined: nothing. */
  readonly woven: Omit<WovenModule, 'bytes'> | undefined;
  /** undefined: the module does not say where its code comes from. */
  readonly lines: SourceLines | undefined;
  /** Why the limits could not be woven in, so that `module` is as it came; undefined: they were. */
  readonly refusal: WeaveError | undefined;
}

/** What can be told of a module without compiling it. */
export type ExaminedModule = Omit<CompiledModule, 'module' | 'identity' | 'lines'>;

/**
 * By digest and limits. Held weakly, so that code is freed with the last VM that runs it; a compilation that
 * is under way is held by its promise, and one that failed is forgotten.
 */
const cache = new Map<string, WeakRef<CompiledModule> | Promise<CompiledModule>>();

const freed = new FinalizationRegistry<string>((key) => {
  const entry = cache.get(key);
  if (entry instanceof WeakRef && entry.deref() === undefined) cache.delete(key);
});

/**
 * Compiles, off the event loop's thread where the engine can, or answers what was compiled before.
 *
 * @throws ProxyWasmError PW_ERR_MODULE_NOT_WASM, PW_ERR_MODULE_COMPONENT, PW_ERR_MODULE_INVALID
 */
export function compile(code: CodeBytes, limits: WeaveLimits): Promise<CompiledModule> {
  const key = `${code.sha256} ${String(limits.time)} ${String(limits.memoryBytes)}`;
  const entry = cache.get(key);
  const known = entry instanceof WeakRef ? entry.deref() : entry;
  if (known !== undefined) return Promise.resolve(known);
  const compiling = compileNow(code, limits).then(
    (compiled) => {
      cache.set(key, new WeakRef(compiled));
      freed.register(compiled, key);
      return compiled;
    },
    (error: unknown) => {
      cache.delete(key);
      throw error;
    },
  );
  cache.set(key, compiling);
  return compiling;
}

/** How many modules are compiled, or being compiled, and not freed yet. For tests. */
export function compiledCount(): number {
  return cache.size;
}

async function compileNow(code: CodeBytes, limits: WeaveLimits): Promise<CompiledModule> {
  const { bytes, sha256 } = code;
  checkHeader(bytes);
  const weaving = weave(bytes, limits);
  const module = await engineCompile(weaving.woven?.bytes ?? bytes, bytes);
  const described = describe(code, weaving);
  const lines = await openSourceLines(customSections(bytes, module), code.path);
  return { module, identity: sha256, lines, ...described };
}

/**
 * What {@link compile} would find, in less time: the engine only validates.
 *
 * @throws ProxyWasmError as {@link compile}
 */
export async function examine(code: CodeBytes, limits: WeaveLimits): Promise<ExaminedModule> {
  const { bytes } = code;
  checkHeader(bytes);
  const weaving = weave(bytes, limits);
  const woven = weaving.woven?.bytes ?? bytes;
  // Why it is not valid, the engine tells when it compiles.
  if (!WebAssembly.validate(woven)) await engineCompile(woven, bytes);
  return describe(code, weaving);
}

/** @param code must be valid */
function describe({ bytes, sha256 }: CodeBytes, { woven, refusal }: Weaving): ExaminedModule {
  const base = { outline: readOutline(bytes), sha256, sizeBytes: bytes.length, refusal };
  if (woven === undefined) return { ...base, woven };
  const { time, offsets, caps, excess, allocatesObjects } = woven;
  return { ...base, woven: { time, offsets, caps, excess, allocatesObjects } };
}

/** What the module that runs still has of the one that came: all custom sections that count here. */
function customSections(bytes: Uint8Array, module: WebAssembly.Module): DebugSections {
  const sections = splitSections(bytes);
  return {
    names: sections.map(({ name }) => name),
    codeStart: sections.find(({ id }) => id === SectionId.CODE)?.start,
    read: (name) => new Uint8Array(WebAssembly.Module.customSections(module, name)[0] ?? []),
  };
}

interface Weaving {
  readonly woven: WovenModule | undefined;
  readonly refusal: WeaveError | undefined;
}

function weave(bytes: Uint8Array<ArrayBuffer>, limits: WeaveLimits): Weaving {
  try {
    return { woven: weaveModule(bytes, limits), refusal: undefined };
  } catch (error) {
    // What is damaged, the engine refuses too, with better words.
    if (error instanceof WeaveError) return { woven: undefined, refusal: error };
    throw error;
  }
}

/** @param original what to say of bytes that are refused: places in woven ones mean nothing */
async function engineCompile(
  bytes: Uint8Array<ArrayBuffer>,
  original: Uint8Array<ArrayBuffer>,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    if (bytes !== original) await engineCompile(original, original);
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
    woven: undefined,
    // Without its bytes, nobody knows where its code begins.
    lines: undefined,
    refusal: undefined,
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
