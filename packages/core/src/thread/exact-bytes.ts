/**
 * The same bytes, alone in their buffer. A view that is sent to another thread takes the whole
 * buffer along, and one of shared memory would go on changing there.
 */
export function exactBytes(bytes: Uint8Array): Uint8Array {
  const { buffer, byteLength } = bytes;
  const isAlone = byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
  return isAlone ? bytes : new Uint8Array(bytes);
}
