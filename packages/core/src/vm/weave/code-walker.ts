import { HAS_BULK, HAS_LONG, Note, NOTE_LENGTH, RegionNote, type CodeFacts } from './code-facts.js';
import { CodeMemory, Walked } from './code-memory.js';
import { InstructionReader } from './instruction-reader.js';
import type { ModuleShape } from './module-shape.js';

/** V8 takes no more in one function. */
const MAX_LOCALS = 50_000;

/**
 * Steps over a code section and notes what the weaver must know. Most of it is done by
 * `wat/walk.wat`, in the same memory: here is how it goes on where that stops, at what is rare.
 */
class CodeWalker extends InstructionReader {
  readonly #memory: CodeMemory;

  constructor(memory: CodeMemory) {
    super(memory.bytes, memory.start, memory.shape.spaces);
    this.#memory = memory;
  }

  walk(): CodeFacts {
    const { weaver } = this.#memory;
    for (let walked = weaver.run(); walked !== Walked.ALL; walked = weaver.run()) {
      this.position = weaver.at.value;
      if (walked === Walked.FULL) this.#grow();
      else this.#lookCloser();
      weaver.at.value = this.position;
    }
    this.position = weaver.at.value;
    return {
      memory: this.#memory,
      notes: this.#memory.numbers,
      firstNote: weaver.firstNote.value / 4,
      notesEnd: weaver.notesEnd.value / 4,
      allocatesObjects: this.allocatesObjects,
    };
  }

  #grow(): void {
    this.#memory.grow();
    this.bytes = this.#memory.bytes;
  }

  #lookCloser(): void {
    const { weaver } = this.#memory;
    if (weaver.depth.value === 0) this.#enter();
    else if (this.position < weaver.functionEnd.value) this.step();
    else this.#failAtEnd();
  }

  protected get localCount(): number {
    return this.#memory.weaver.locals.value;
  }

  /** Enters the function that begins here. */
  #enter(): void {
    const { weaver, functions, end: codeEnd } = this.#memory;
    const index = weaver.entered.value;
    const entry = this.position;
    const size = this.u32();
    const end = this.position + size;
    if (end > codeEnd) this.fail('a function does not end where it should');
    const localCount = (functions[index] as number) + this.#countLocals();
    functions[index] = weaver.notesEnd.value;
    this.#note(Note.FUNCTION, entry, end, localCount);
    weaver.region.value = weaver.notesEnd.value;
    this.#note(Note.REPEATING, this.position, weaver.region.value, 0);
    weaver.entered.value = index + 1;
    weaver.functionEnd.value = end;
    weaver.locals.value = localCount;
    weaver.depth.value = 0;
    this.#push(-1);
    weaver.forget();
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
    const { weaver } = this.#memory;
    if (!isLoop) {
      this.#push(-1);
      return;
    }
    const address = weaver.notesEnd.value;
    this.#note(Note.LOOP, this.position, weaver.region.value, 0);
    weaver.region.value = address;
    this.#push(address);
  }

  #push(label: number): void {
    const { weaver, numbers } = this.#memory;
    numbers[weaver.labels.value / 4 + weaver.depth.value] = label;
    weaver.depth.value += 1;
  }

  protected close(): void {
    const { weaver, numbers } = this.#memory;
    const depth = weaver.depth.value - 1;
    weaver.depth.value = depth;
    if (depth === 0) {
      if (this.position !== weaver.functionEnd.value) this.#failAtEnd();
      numbers[weaver.region.value / 4 + RegionNote.END] = this.position;
      return;
    }
    if (depth <= weaver.dispatch.value) weaver.forget();
    weaver.blocksEnd.value = Math.min(weaver.blocksEnd.value, depth);
    const address = numbers[weaver.labels.value / 4 + depth] as number;
    if (address === -1) return;
    numbers[address / 4 + RegionNote.END] = this.position;
    weaver.region.value = numbers[address / 4 + RegionNote.PARENT] as number;
  }

  #failAtEnd(): never {
    return this.fail('a function does not end where it should');
  }

  protected branch(label: number): void {
    const { weaver, numbers } = this.#memory;
    const depth = weaver.depth.value;
    if (label >= depth) this.fail(`label ${String(label)} does not exist`);
    const address = numbers[weaver.labels.value / 4 + depth - 1 - label] as number;
    if (address !== -1) numbers[address / 4] = Note.REPEATING;
  }

  protected event(target: number): void {
    const { weaver, flags } = this.#memory;
    this.#note(target, this.from, this.position, weaver.region.value);
    if (target >= Note.INDIRECT) return;
    const index = weaver.entered.value - 1;
    const bit = target === Note.BULK ? HAS_BULK : HAS_LONG;
    flags[index] = (flags[index] as number) | bit;
  }

  #note(kind: number, second: number, third: number, fourth: number): void {
    const { weaver, numbers } = this.#memory;
    const address = weaver.notesEnd.value;
    numbers.set([kind, second, third, fourth], address / 4);
    weaver.notesEnd.value = address + NOTE_LENGTH * 4;
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
  const walker = new CodeWalker(new CodeMemory(bytes, shape, start, end));
  const facts = walker.walk();
  if (walker.position !== end) walker.fail('the code does not end where it should');
  return facts;
}
