/** Writes the functions of a code section again, with the checks in them: what `wat/` does of it. */
import { chargeFunction, lookFunction, refillFunction, type Added } from './added.js';
import type { ByteWriter } from './byte-writer.js';
import type { CodeFacts } from './code-facts.js';
import { OffsetMap } from './offset-map.js';

/** @returns where the code was before */
export function weaveCode({ memory }: CodeFacts, added: Added, out: ByteWriter): OffsetMap {
  const { weaver, start, end } = memory;
  const target = memory.prepareTarget();
  weaver.weave(
    start,
    target.out,
    out.length - target.out,
    target.marks,
    target.toOriginal,
    added.units,
    lookFunction(added),
    chargeFunction(added),
    refillFunction(added),
  );
  const { buffer } = memory.numbers;
  out.copy(new Uint8Array(buffer), target.out, weaver.out.value);
  const count = (weaver.marksEnd.value - target.marks) / 4;
  const marks = (from: number): Int32Array => new Int32Array(buffer, from, count).slice();
  return new OffsetMap(marks(target.marks), marks(target.marks + target.toOriginal), end);
}
