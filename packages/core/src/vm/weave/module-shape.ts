/** What the weaver must know of a module beside its code: how much of everything there is. */
import { MAXIMUM_FLAG, type DeclaredLimits } from './caps.js';
import { Cursor } from './cursor.js';
import { passExpression } from './expression.js';
import type { IndexSpaces } from './instruction-reader.js';
import { SectionId, type Section } from './sections.js';

/** Parameters of a type that is no function's. */
const NO_FUNCTION = -1;
const SHARED_FLAG = 2;
const MEMORY64_FLAG = 4;
/** With a maximum, shared, 64-bit. */
const ALL_LIMITS_FLAGS = 7;

export interface ModuleShape {
  readonly spaces: IndexSpaces;
  readonly importedFunctions: number;
  /** Of the functions that the module defines: how many parameters each has. */
  readonly parameterCounts: readonly number[];
  readonly exportNames: ReadonlySet<string>;
  /** Of its memories and tables, in the order of their offsets. */
  readonly limits: readonly DeclaredLimits[];
  /** The function of the start section. */
  readonly start: number | undefined;
}

/**
 * Reads the sections before the code, and checks what could reach things that the weaver adds.
 *
 * @throws WeaveError
 */
export function readShape(bytes: Uint8Array, sections: readonly Section[]): ModuleShape {
  const reader = new ShapeReader(bytes);
  for (const section of sections) reader.read(section);
  return reader.shape();
}

class ShapeReader extends Cursor {
  /** Of each type: how many parameters it has. */
  readonly #types: number[] = [];
  /** Of each function, imported ones first: its type. */
  readonly #functions: number[] = [];
  readonly #exportNames = new Set<string>();
  readonly #limits: DeclaredLimits[] = [];
  #importedFunctions = 0;
  #tables = 0;
  #memories = 0;
  #globals = 0;
  #tags = 0;
  #start: number | undefined;

  shape(): ModuleShape {
    const defined = this.#functions.slice(this.#importedFunctions);
    return {
      spaces: this.#spaces,
      importedFunctions: this.#importedFunctions,
      parameterCounts: defined.map((type) => this.#types[type] as number),
      exportNames: this.#exportNames,
      limits: this.#limits,
      start: this.#start,
    };
  }

  read({ id, start, end }: Section): void {
    const read = this.#readers[id];
    if (read === undefined) return;
    this.position = start;
    read();
    if (this.position !== end) this.fail('a section does not end where it should');
  }

  readonly #readers: Readonly<Record<number, () => void>> = {
    [SectionId.TYPE]: () => {
      this.#each(() => {
        this.#recursiveTypes();
      });
    },
    [SectionId.IMPORT]: () => {
      this.#each(() => {
        this.skipBlock();
        this.skipBlock();
        this.#import(this.byte());
      });
      this.#importedFunctions = this.#functions.length;
    },
    [SectionId.FUNCTION]: () => {
      this.#each(() => {
        this.#function();
      });
    },
    [SectionId.TABLE]: () => {
      this.#each(() => {
        this.#table();
      });
    },
    [SectionId.MEMORY]: () => {
      this.#each(() => {
        this.#memory();
      });
    },
    [SectionId.TAG]: () => {
      this.#each(() => {
        this.#tag();
      });
    },
    [SectionId.GLOBAL]: () => {
      this.#each(() => {
        this.#globalType();
        this.#expression();
        this.#globals += 1;
      });
    },
    [SectionId.EXPORT]: () => {
      this.#each(() => {
        this.#export();
      });
    },
    [SectionId.START]: () => {
      this.#start = this.index(this.#functions.length, 'function');
    },
    [SectionId.ELEMENT]: () => {
      this.#each(() => {
        this.#elementSegment();
      });
    },
  };

  get #spaces(): IndexSpaces {
    return {
      types: this.#types.length,
      functions: this.#functions.length,
      tables: this.#tables,
      globals: this.#globals,
    };
  }

  #each(read: () => void): void {
    for (let count = this.u32(); count > 0; count -= 1) read();
  }

  /** One entry of the type section: a type, or several that may name each other. */
  #recursiveTypes(): void {
    if (this.bytes[this.position] !== 0x4e) {
      this.#subType();
      return;
    }
    this.position += 1;
    this.#each(() => {
      this.#subType();
    });
  }

  #subType(): void {
    const form = this.bytes[this.position];
    if (form === 0x50 || form === 0x4f) {
      this.position += 1;
      this.#each(() => this.u32());
    }
    // A type may name itself and later ones of its group: the engine checks these.
    const anyType = Infinity;
    switch (this.byte()) {
      case 0x60: {
        const parameterCount = this.#valueTypes(anyType);
        this.#types.push(parameterCount);
        this.#valueTypes(anyType);
        break;
      }
      case 0x5f:
        this.#each(() => {
          this.#fieldType();
        });
        this.#types.push(NO_FUNCTION);
        break;
      case 0x5e:
        this.#fieldType();
        this.#types.push(NO_FUNCTION);
        break;
      default:
        this.position -= 1;
        this.fail('unknown form of type');
    }
  }

  #valueTypes(typeCount: number): number {
    const count = this.u32();
    for (let index = 0; index < count; index += 1) this.skipValueType(typeCount);
    return count;
  }

  #fieldType(): void {
    const storage = this.bytes[this.position];
    if (storage === 0x78 || storage === 0x77) this.position += 1;
    else this.skipValueType(Infinity);
    this.byte();
  }

  #import(kind: number): void {
    switch (kind) {
      case 0:
        this.#function();
        break;
      case 1:
        this.#table();
        break;
      case 2:
        this.#memory();
        break;
      case 3:
        this.#globalType();
        this.#globals += 1;
        break;
      case 4:
        this.#tag();
        break;
      default:
        this.fail(`unknown kind of import ${String(kind)}`);
    }
  }

  #function(): void {
    const type = this.index(this.#types.length, 'type');
    if (this.#types[type] === NO_FUNCTION) this.fail('a function has a type that is no function’s');
    this.#functions.push(type);
  }

  #table(): void {
    const hasInitializer = this.bytes[this.position] === 0x40;
    if (hasInitializer) this.skip(2);
    this.skipValueType(this.#types.length);
    this.#declaredLimits('table');
    if (hasInitializer) this.#expression();
    this.#tables += 1;
  }

  #memory(): void {
    if (((this.bytes[this.position] ?? 0) & MEMORY64_FLAG) !== 0) {
      this.fail('a memory with 64-bit addresses, for which there are no limits,');
    }
    this.#declaredLimits('memory');
    this.#memories += 1;
  }

  #declaredLimits(of: DeclaredLimits['of']): void {
    const start = this.position;
    const flags = this.byte();
    if (flags > ALL_LIMITS_FLAGS) this.fail('unknown kind of limits');
    const minimum = this.u64();
    const maximum = (flags & MAXIMUM_FLAG) === 0 ? undefined : this.u64();
    if (maximum !== undefined && maximum < minimum) this.fail('a maximum is below its minimum');
    if (flags === SHARED_FLAG) this.fail('a shared memory has no maximum');
    this.#limits.push({ of, start, end: this.position, flags, minimum, maximum });
  }

  #globalType(): void {
    this.skipValueType(this.#types.length);
    this.byte();
  }

  #tag(): void {
    this.byte();
    this.index(this.#types.length, 'type');
    this.#tags += 1;
  }

  #export(): void {
    const length = this.u32();
    const start = this.position;
    this.skip(length);
    this.#exportNames.add(Buffer.from(this.bytes.subarray(start, start + length)).toString('utf8'));
    const kind = this.byte();
    const counts = [
      this.#functions.length,
      this.#tables,
      this.#memories,
      this.#globals,
      this.#tags,
    ];
    this.index(counts[kind] ?? 0, 'exported index');
  }

  #elementSegment(): void {
    const flags = this.u32();
    if (flags > 7) this.fail('unknown kind of element segment');
    const isActive = (flags & 1) === 0;
    const hasExpressions = (flags & 4) !== 0;
    if (isActive) {
      if ((flags & 2) !== 0) this.index(this.#tables, 'table');
      this.#expression();
    }
    if ((flags & 3) !== 0) {
      if (hasExpressions) this.skipValueType(this.#types.length);
      else this.byte();
    }
    this.#each(() => {
      if (hasExpressions) this.#expression();
      else this.index(this.#functions.length, 'function');
    });
  }

  #expression(): void {
    this.position = passExpression(this.bytes, this.position, this.#spaces);
  }
}
