/** Types of functions that cross the boundary, written as WebAssembly text writes them. */

/** `i32`, `i64`, `f32`, `f64`, `v128`, or a reference type's name. */
export type ValueType = string;

/** A function's type as text: `(i32, i64) -> (i32)`. Two are equal where their texts are. */
export type Signature = string;

/** The text of a function's type. */
export function signatureOf(
  params: readonly ValueType[],
  results: readonly ValueType[],
): Signature {
  return `(${params.join(', ')}) -> (${results.join(', ')})`;
}

const LETTERS: Readonly<Record<string, ValueType>> = { i: 'i32', I: 'i64' };

/** A signature from letters, `i` for i32 and `I` for i64: `shorthand('iI', 'i')`. */
export function shorthand(params: string, results: string): Signature {
  const types = (letters: string): ValueType[] =>
    [...letters].map((letter) => LETTERS[letter] ?? letter);
  return signatureOf(types(params), types(results));
}

/** Result types in a signature's text: how a host function's answer has to be converted. */
export function resultsOf(signature: Signature): readonly ValueType[] {
  const results = signature.slice(signature.lastIndexOf('(') + 1, -1);
  return results === '' ? [] : results.split(', ');
}
