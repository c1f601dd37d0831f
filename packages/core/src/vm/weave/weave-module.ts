/**
 * Weaves limits into a module's code: checks that count the time a guest has left and now and then
 * ask the host for it, and a cap on its memory. What it weaves, behaves as before within its limits.
 */
import {
  ADDED_TYPES,
  addedFunctions,
  startFunction,
  writeFunctions,
  writeFunctionTypes,
  writeGlobal,
  writeTable,
  writeTypes,
  type Added,
} from './added.js';
import { ByteWriter } from './byte-writer.js';
import {
  capsOf,
  copyCapped,
  findExcess,
  needsCap,
  type Caps,
  type DeclaredLimits,
} from './caps.js';
import { walkCode } from './code-walker.js';
import { weaveCode } from './code-weaver.js';
import { Cursor } from './cursor.js';
import { readShape, type ModuleShape } from './module-shape.js';
import { OffsetMap } from './offset-map.js';
import { SECTION_ORDER, SectionId, splitSections, type Section } from './sections.js';

/** What is to be woven in. */
export interface WeaveLimits {
  /** Whether the guest's time is limited; by how much is the host's matter. */
  readonly time: boolean;
  /** Cap on the guest's memory, bytes; undefined: none. */
  readonly memoryBytes: number | undefined;
}

/** Where the host finds what it needs to limit the time: names of exports. */
export interface TimeExports {
  /** A mutable i32: the units of time until the next look at the clock. */
  readonly units: string;
  /** A table with room for one function, `() -> i32`: 0 means that there is no time left. */
  readonly clock: string;
  /** The function of the start section, to be called once the clock is there; undefined: none. */
  readonly start: string | undefined;
}

export interface WovenModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** undefined: the code is as it was. */
  readonly time: { readonly exports: TimeExports } | undefined;
  /** Where the code was before; undefined: where it is. */
  readonly offsets: OffsetMap | undefined;
  /** What memories and tables may come to. */
  readonly caps: Caps;
  /** A memory or table that is larger from the start; undefined: none is. */
  readonly excess: DeclaredLimits | undefined;
  /** Whether the code makes objects outside its memory, which no cap holds; unknown without time. */
  readonly allocatesObjects: boolean;
}

/** Sections about places in the code, which move. */
const CODE_METADATA = 'metadata.code.';
const EXPORT_PREFIX = 'proxy_wasm_node:';
const KIND = { FUNCTION: 0, TABLE: 1, GLOBAL: 3 } as const;

/**
 * @param bytes a core module; it need not be valid, and is woven to one that is not valid then
 * @throws WeaveError where it has what the weaver does not know, or is damaged
 */
export function weaveModule(bytes: Uint8Array<ArrayBuffer>, limits: WeaveLimits): WovenModule {
  const sections = splitSections(bytes);
  const shape = readShape(bytes, sections);
  const caps = capsOf(limits.memoryBytes ?? Infinity, shape.limits);
  const base = { caps, excess: findExcess(shape.limits, caps) };
  if (limits.time) return { ...base, ...new ModuleWeaver(bytes, sections, shape, caps).weave() };
  const isFree = limits.memoryBytes === undefined;
  const isAsItShould = isFree || !shape.limits.some((entry) => needsCap(entry, caps));
  return {
    ...base,
    ...(isAsItShould ? { bytes, offsets: undefined } : copyModule(bytes, sections, shape, caps)),
    time: undefined,
    allocatesObjects: false,
  };
}

/** With its memories and tables capped, and nothing else changed. */
function copyModule(
  bytes: Uint8Array,
  sections: readonly Section[],
  { limits }: ModuleShape,
  caps: Caps,
): Pick<WovenModule, 'bytes' | 'offsets'> {
  const out = new ByteWriter(bytes.length + 64);
  let offsets: OffsetMap | undefined;
  out.copy(bytes, 0, 8);
  for (const section of sections) {
    if (DECLARING.has(section.id)) {
      writeSection(out, section.id, () => {
        copyCapped(bytes, section.start, section.end, limits, caps, out);
      });
      continue;
    }
    if (section.id === SectionId.CODE) {
      offsets = new OffsetMap(
        Int32Array.of(out.length),
        Int32Array.of(section.header),
        section.end,
      );
    }
    out.copy(bytes, section.header, section.end);
  }
  return { bytes: out.view(), offsets };
}

/** Sections that declare memories or tables. */
const DECLARING: ReadonlySet<number> = new Set([
  SectionId.IMPORT,
  SectionId.TABLE,
  SectionId.MEMORY,
]);

function writeSection(out: ByteWriter, id: number, write: () => void): void {
  out.byte(id);
  const size = out.reserveU32();
  const start = out.length;
  write();
  out.fillU32(size, out.length - start);
}

class ModuleWeaver {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #sections: readonly Section[];
  readonly #shape: ModuleShape;
  readonly #caps: Caps;
  readonly #out: ByteWriter;
  readonly #added: Added;
  readonly #exports: TimeExports;
  #offsets: OffsetMap | undefined;
  #allocatesObjects = false;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    sections: readonly Section[],
    shape: ModuleShape,
    caps: Caps,
  ) {
    this.#bytes = bytes;
    this.#sections = sections;
    this.#shape = shape;
    this.#caps = caps;
    this.#out = new ByteWriter(Math.ceil(bytes.length * 1.1) + 1024);
    const { types, functions, tables, globals } = shape.spaces;
    this.#added = { type: types, table: tables, units: globals, functions, start: shape.start };
    this.#exports = {
      units: freeName(shape, 'units'),
      clock: freeName(shape, 'clock'),
      start: shape.start === undefined ? undefined : freeName(shape, 'start'),
    };
  }

  weave(): Pick<WovenModule, 'bytes' | 'time' | 'offsets' | 'allocatesObjects'> {
    this.#out.copy(this.#bytes, 0, 8);
    let rank = 0;
    for (const section of this.#sections) {
      if (section.id !== SectionId.CUSTOM) {
        const ownRank = SECTION_ORDER.indexOf(section.id);
        for (; rank < ownRank; rank += 1) this.#writeMissing(SECTION_ORDER[rank] as number);
        rank = ownRank + 1;
      }
      this.#write(section);
    }
    for (; rank < SECTION_ORDER.length; rank += 1)
      this.#writeMissing(SECTION_ORDER[rank] as number);
    return {
      bytes: this.#out.view(),
      time: { exports: this.#exports },
      offsets: this.#offsets,
      allocatesObjects: this.#allocatesObjects,
    };
  }

  #write(section: Section): void {
    const { id, name, header, start, end } = section;
    if (id === SectionId.START) return;
    if (id === SectionId.CUSTOM || !this.#changes(id)) {
      // Offsets in it would be wrong, and it is no more than a hint to the engine.
      if (!name.startsWith(CODE_METADATA)) this.#out.copy(this.#bytes, header, end);
      return;
    }
    const content = new Cursor(this.#bytes, start);
    const count = content.u32();
    writeSection(this.#out, id, () => {
      this.#out.u32(count + this.#addedCount(id));
      if (id === SectionId.CODE) this.#weaveCode(content.position, count, end);
      else
        copyCapped(this.#bytes, content.position, end, this.#shape.limits, this.#caps, this.#out);
      this.#writeAdded(id);
    });
  }

  #changes(id: number): boolean {
    return DECLARING.has(id) || this.#addedCount(id) > 0;
  }

  #writeMissing(id: number): void {
    const count = this.#addedCount(id);
    if (count === 0) return;
    writeSection(this.#out, id, () => {
      this.#out.u32(count);
      this.#writeAdded(id);
    });
  }

  /** How many entries a section gets. */
  #addedCount(id: number): number {
    switch (id) {
      case SectionId.TYPE:
        return ADDED_TYPES;
      case SectionId.FUNCTION:
      case SectionId.CODE:
        return addedFunctions(this.#added);
      case SectionId.TABLE:
      case SectionId.GLOBAL:
        return 1;
      case SectionId.EXPORT:
        return this.#exports.start === undefined ? 2 : 3;
      default:
        return 0;
    }
  }

  #writeAdded(id: number): void {
    const out = this.#out;
    switch (id) {
      case SectionId.TYPE:
        writeTypes(out);
        break;
      case SectionId.FUNCTION:
        writeFunctionTypes(out, this.#added);
        break;
      case SectionId.TABLE:
        writeTable(out);
        break;
      case SectionId.GLOBAL:
        writeGlobal(out);
        break;
      case SectionId.EXPORT:
        this.#writeExports();
        break;
      case SectionId.CODE:
        writeFunctions(out, this.#added);
        break;
    }
  }

  #writeExports(): void {
    const { units, clock, start } = this.#exports;
    this.#writeExport(units, KIND.GLOBAL, this.#added.units);
    this.#writeExport(clock, KIND.TABLE, this.#added.table);
    if (start !== undefined) this.#writeExport(start, KIND.FUNCTION, startFunction(this.#added));
  }

  #writeExport(name: string, kind: number, index: number): void {
    this.#out.string(name);
    this.#out.byte(kind);
    this.#out.u32(index);
  }

  #weaveCode(start: number, count: number, end: number): void {
    if (count !== this.#shape.parameterCounts.length) {
      new Cursor(this.#bytes, start).fail('functions and their code do not match');
    }
    const facts = walkCode(this.#bytes, this.#shape, start, end);
    this.#offsets = weaveCode(facts, this.#added, this.#out);
    this.#allocatesObjects = facts.allocatesObjects;
  }
}

/** A name that the module does not export. */
function freeName({ exportNames }: ModuleShape, what: string): string {
  let name = EXPORT_PREFIX + what;
  while (exportNames.has(name)) name += "'";
  return name;
}
