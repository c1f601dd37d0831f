import { HAS_BULK, HAS_LONG, Note, NOTE_LENGTH, RegionNote, type CodeFacts } from './code-facts.js';
import { CodeMemory, Walked } from './code-memory.js';
import { InstructionReader } from './instruction-reader.js';
import type { ModuleShape } from './module-shape.js';

/** V8 takes no more in one function. */
const MAX_LOCALS = 50_000;

/**
 * Steps over a code section and notes what the weaver must know. Most of it is done by `walk.wat`,
 * in the same memory: here is how it goes on where that stops, at what is rare.
 */
class CodeWalker extends InstructionReader {
  readonly #memory: CodeMemory;
  readonly #special: Uint8Array;

  constructor(memory: CodeMemory, start: number, { spaces, parameterCounts }: ModuleShape) {
    super(memory.bytes, start, spaces);
    this.#memory = memory;
    this.#special = new Uint8Array(parameterCounts.length);
  }

  walk(): CodeFacts {
    const { walk, firstNote } = this.#memory;
    for (let walked = walk.run(); walked !== Walked.ALL; walked = walk.run()) {
      this.position = walk.at.value;
      if (walked === Walked.FULL) this.#grow();
      else this.#lookCloser();
      walk.at.value = this.position;
    }
    this.position = walk.at.value;
    const { bytes, numbers, functions } = this.#memory;
    return {
      spaces: this.spaces,
      bytes,
      notes: numbers,
      firstNote,
      notesEnd: walk.notesEnd.value / 4,
      functions,
      special: this.#special,
      allocatesObjects: this.allocatesObjects,
    };
  }

  #grow(): void {
    this.#memory.grow();
    this.bytes = this.#memory.bytes;
  }

  #lookCloser(): void {
    const { walk } = this.#memory;
    if (walk.depth.value === 0) this.#enter();
    else if (this.position < walk.functionEnd.value) this.step();
    else this.#failAtEnd();
  }

  protected get localCount(): number {
    return this.#memory.walk.locals.value;
  }

  /** Enters the function that begins here. */
  #enter(): void {
    const { walk, functions, end: codeEnd } = this.#memory;
    const index = walk.entered.value;
    const entry = this.position;
    const size = this.u32();
    const end = this.position + size;
    if (end > codeEnd) this.fail('a function does not end where it should');
    const localCount = (functions[index] as number) + this.#countLocals();
    functions[index] = walk.notesEnd.value;
    this.#note(Note.FUNCTION, entry, end, localCount);
    walk.region.value = walk.notesEnd.value;
    this.#note(Note.REPEATING, this.position, walk.region.value, 0);
    walk.entered.value = index + 1;
    walk.functionEnd.value = end;
    walk.locals.value = localCount;
    walk.depth.value = 0;
    this.#push(-1);
    walk.forget();
  }

  #countLocals(): number {
    let count = 0;
    for (let groups = this.u32(); groups > 0; groups -= 1) {
      count += this.u32();
      if (count > MAX_LOCALS) this.fail('a function has too many locals');
      this.skipValueType(this.spaces.types);
    }
    return count;
  }

  protected open(isLoop: boolean): void {
    const { walk } = this.#memory;
    if (!isLoop) {
      this.#push(-1);
      return;
    }
    const address = walk.notesEnd.value;
    this.#note(Note.LOOP, this.position, walk.region.value, 0);
    walk.region.value = address;
    this.#push(address);
  }

  #push(label: number): void {
    const { walk, labels } = this.#memory;
    labels[walk.depth.value] = label;
    walk.depth.value += 1;
  }

  protected close(): void {
    const { walk, labels, numbers } = this.#memory;
    const depth = walk.depth.value - 1;
    walk.depth.value = depth;
    if (depth === 0) {
      if (this.position !== walk.functionEnd.value) this.#failAtEnd();
      numbers[walk.region.value / 4 + RegionNote.END] = this.position;
      return;
    }
    if (depth <= walk.dispatch.value) walk.forget();
    walk.blocksEnd.value = Math.min(walk.blocksEnd.value, depth);
    const address = labels[depth] as number;
    if (address === -1) return;
    numbers[address / 4 + RegionNote.END] = this.position;
    walk.region.value = numbers[address / 4 + RegionNote.PARENT] as number;
  }

  #failAtEnd(): never {
    return this.fail('a function does not end where it should');
  }

  protected branch(label: number): void {
    const { walk, labels, numbers } = this.#memory;
    const depth = walk.depth.value;
    if (label >= depth) this.fail(`label ${String(label)} does not exist`);
    const address = labels[depth - 1 - label] as number;
    if (address !== -1) numbers[address / 4] = Note.REPEATING;
  }

  protected event(target: number): void {
    const { walk } = this.#memory;
    this.#note(target, this.from, this.position, walk.region.value);
    if (target >= Note.INDIRECT) return;
    const index = walk.entered.value - 1;
    const bit = target === Note.BULK ? HAS_BULK : HAS_LONG;
    this.#special[index] = (this.#special[index] as number) | bit;
  }

  #note(kind: number, second: number, third: number, fourth: number): void {
    const { walk, numbers } = this.#memory;
    const address = walk.notesEnd.value;
    numbers.set([kind, second, third, fourth], address / 4);
    walk.notesEnd.value = address + NOTE_LENGTH * 4;
  }
}

/**
 * Walks over a code section.
 *
 * @param start offset behind the number of functions
 * @param end of the section
 * @throws WeaveError
 */
export function walkCode(
  bytes: Uint8Array,
  shape: ModuleShape,
  start: number,
  end: number,
): CodeFacts {
  const memory = new CodeMemory(bytes, shape, start, end);
  const walker = new CodeWalker(memory, start, shape);
  const facts = walker.walk();
  if (walker.position !== end) walker.fail('the code does not end where it should');
  return facts;
}
