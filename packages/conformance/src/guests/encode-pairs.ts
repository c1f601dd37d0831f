/** Pairs as the ABI serialises them; written apart from the host's codec, so that each checks the other. */
export function encodePairs(pairs: readonly (readonly [string, string])[]): Uint8Array {
  if (pairs.length === 0) return new Uint8Array(0);
  const encoded = pairs.map((pair) => pair.map((text) => Buffer.from(text, 'latin1')));
  const sizes = Buffer.alloc(4 + 8 * pairs.length);
  sizes.writeUInt32LE(pairs.length, 0);
  encoded.flat().forEach((bytes, index) => sizes.writeUInt32LE(bytes.length, 4 + 4 * index));
  const zero = Buffer.alloc(1);
  return Buffer.concat([sizes, ...encoded.flat().flatMap((bytes) => [bytes, zero])]);
}
