/**
 * Reads a module's outline: imports, exports, their types, memories, start section and toolchain.
 * WebAssembly's own reflection knows names and kinds only, and neither signatures nor limits.
 */
import {
  BinaryReader,
  type IExportEntry,
  type IFunctionEntry,
  type IImportEntry,
  type IMemoryType,
  type ISectionInformation,
  type ITypeEntry,
  type Type,
} from 'wasmparser';

import { signatureOf, type Signature, type ValueType } from '../abi/signature.js';
import { ByteReader } from './byte-reader.js';
import { readProducers } from './producers.js';

/** Bytes of one page of linear memory. */
export const PAGE_BYTES = 65_536;

// wasmparser has these as const enums, which a module that is compiled by itself can't use.
const State = {
  ERROR: -1,
  END_WASM: 2,
  BEGIN_SECTION: 3,
  TYPE_ENTRY: 11,
  IMPORT_ENTRY: 12,
  FUNCTION_ENTRY: 13,
  EXPORT_ENTRY: 17,
} as const;
const Section = {
  CUSTOM: 0,
  TYPE: 1,
  IMPORT: 2,
  FUNCTION: 3,
  MEMORY: 5,
  EXPORT: 7,
  START: 8,
} as const;
const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  [-1]: 'i32',
  [-2]: 'i64',
  [-3]: 'f32',
  [-4]: 'f64',
  [-5]: 'v128',
};

const KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const;
type ExternKind = (typeof KINDS)[number];

/** A memory that a module declares or imports. */
interface MemoryOutline {
  readonly minimumPages: number;
  /** undefined: no limit of its own. */
  readonly maximumPages: number | undefined;
  readonly shared: boolean;
  /** Addressed by i64 (the memory64 proposal). */
  readonly memory64: boolean;
}

export interface ImportOutline {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function; undefined where it can't be known. */
  readonly signature: Signature | undefined;
  readonly memory: MemoryOutline | undefined;
}

export interface ExportOutline {
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function; undefined where it can't be known. */
  readonly signature: Signature | undefined;
}

/** What a module says about itself. */
export interface ModuleOutline {
  readonly imports: readonly ImportOutline[];
  readonly exports: readonly ExportOutline[];
  /** The memory that hostcalls work on; undefined: none, or not to be known. */
  readonly memory: MemoryOutline | undefined;
  /** Whether the module runs a function as soon as it is instantiated. */
  readonly hasStartSection: boolean;
  /** From the `producers` section, as `Rust, rustc 1.96.0`; undefined where it is silent. */
  readonly toolchain: string | undefined;
}

/**
 * Reads a module that the engine has accepted (the reader underneath expects valid input).
 * Throws where the engine knows a format that the reader does not.
 */
export function readModule(bytes: Uint8Array): ModuleOutline {
  return new ModuleReader(bytes).read();
}

/**
 * Which of a module's exports is the memory that hostcalls work on: `memory`, or else the first
 * one, as in cpp-host; undefined where none is exported (an imported one is used then).
 */
export function usedMemoryName(
  exports: readonly { name: string; kind: string }[],
): string | undefined {
  const memories = exports.filter(({ kind }) => kind === 'memory').map(({ name }) => name);
  return memories.includes('memory') ? 'memory' : memories[0];
}

class ModuleReader {
  readonly #bytes: Uint8Array;
  readonly #reader = new BinaryReader();
  readonly #types: Signature[] = [];
  /** Type index of each function, imported ones first. */
  readonly #functions: number[] = [];
  readonly #memories: MemoryOutline[] = [];
  readonly #imports: ImportOutline[] = [];
  readonly #exports: { name: string; kind: ExternKind; index: number }[] = [];
  #hasStartSection = false;
  #toolchain: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const { buffer, byteOffset, byteLength } = bytes;
    this.#reader.setData(buffer as ArrayBuffer, byteOffset, byteOffset + byteLength);
  }

  read(): ModuleOutline {
    const reader = this.#reader;
    for (;;) {
      const start = reader.position;
      if (!reader.read()) break;
      const state: number = reader.state;
      if (state === State.ERROR) throw reader.error;
      if (state === State.END_WASM) break;
      this.#take(start);
    }
    return {
      imports: this.#imports,
      exports: this.#exports.map(({ name, kind, index }) => ({
        name,
        kind,
        signature: kind === 'function' ? this.#functionSignature(index) : undefined,
      })),
      memory: this.#usedMemory(),
      hasStartSection: this.#hasStartSection,
      toolchain: this.#toolchain,
    };
  }

  /** `start` is where the reader stood before it read what is in its `result`. */
  #take(start: number): void {
    const { result } = this.#reader;
    const state: number = this.#reader.state;
    switch (state) {
      case State.BEGIN_SECTION:
        this.#beginSection(result as ISectionInformation);
        break;
      case State.TYPE_ENTRY:
        this.#types.push(typeSignature(result as ITypeEntry));
        break;
      case State.IMPORT_ENTRY:
        this.#takeImport(result as IImportEntry, start);
        break;
      case State.FUNCTION_ENTRY:
        this.#functions.push((result as IFunctionEntry).typeIndex);
        break;
      case State.EXPORT_ENTRY: {
        const { field, kind, index } = result as IExportEntry;
        this.#exports.push({ name: text(field), kind: kindOf(kind), index });
        break;
      }
      default:
    }
  }

  #beginSection({ id, name }: ISectionInformation): void {
    const sectionId: number = id;
    switch (sectionId) {
      case Section.TYPE:
      case Section.IMPORT:
      case Section.FUNCTION:
      case Section.EXPORT:
        return;
      case Section.MEMORY:
        this.#readMemories();
        break;
      case Section.START:
        this.#hasStartSection = true;
        break;
      case Section.CUSTOM:
        if (text(name) === 'producers') this.#toolchain = readProducers(this.#sectionReader());
        break;
      default:
    }
    this.#reader.skipSection();
  }

  /** Over what is left of the section that has begun. */
  #sectionReader(): ByteReader {
    return new ByteReader(this.#bytes, this.#reader.position - this.#bytes.byteOffset);
  }

  /** wasmparser does not tell a 64-bit memory from another, so its section is read here. */
  #readMemories(): void {
    const section = this.#sectionReader();
    const count = section.readUnsigned();
    for (let index = 0; index < count; index += 1) this.#memories.push(readMemoryType(section));
  }

  #takeImport(entry: IImportEntry, start: number): void {
    const kind = kindOf(entry.kind);
    const base = { module: text(entry.module), name: text(entry.field), kind };
    let signature: Signature | undefined;
    let memory: MemoryOutline | undefined;
    if (kind === 'function') {
      this.#functions.push(entry.funcTypeIndex ?? -1);
      signature = this.#types[entry.funcTypeIndex ?? -1];
    } else if (kind === 'memory') {
      memory = this.#importedMemory(entry.type as IMemoryType, start);
      this.#memories.push(memory);
    }
    this.#imports.push({ ...base, signature, memory });
  }

  #importedMemory({ limits, shared }: IMemoryType, start: number): MemoryOutline {
    // The first entry is read together with the count of entries before it.
    const entry = new ByteReader(this.#bytes, start - this.#bytes.byteOffset);
    if (this.#imports.length === 0) entry.readUnsigned();
    entry.skipString();
    entry.skipString();
    entry.readByte();
    const memory64 = (entry.readByte() & MEMORY64_FLAG) !== 0;
    return {
      minimumPages: limits.initial,
      maximumPages: limits.maximum,
      shared,
      memory64,
    };
  }

  #functionSignature(index: number): Signature | undefined {
    return this.#types[this.#functions[index] ?? -1];
  }

  #usedMemory(): MemoryOutline | undefined {
    const name = usedMemoryName(this.#exports);
    const found = this.#exports.find((entry) => entry.kind === 'memory' && entry.name === name);
    if (found !== undefined) return this.#memories[found.index];
    return this.#imports.find(({ kind }) => kind === 'memory')?.memory;
  }
}

const MAXIMUM_FLAG = 0x01;
const SHARED_FLAG = 0x02;
const MEMORY64_FLAG = 0x04;

function readMemoryType(reader: ByteReader): MemoryOutline {
  const flags = reader.readByte();
  const minimumPages = reader.readUnsigned();
  return {
    minimumPages,
    maximumPages: (flags & MAXIMUM_FLAG) === 0 ? undefined : reader.readUnsigned(),
    shared: (flags & SHARED_FLAG) !== 0,
    memory64: (flags & MEMORY64_FLAG) !== 0,
  };
}

/** Types other than functions' (of the GC proposal) take up an index too, but are never asked for. */
function typeSignature({ params = [], returns = [] }: ITypeEntry): Signature {
  return signatureOf(params.map(typeName), returns.map(typeName));
}

function typeName(type: Type): string {
  return VALUE_TYPES[type.kind] ?? 'ref';
}

function kindOf(kind: number): ExternKind {
  return KINDS[kind] ?? 'tag';
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
