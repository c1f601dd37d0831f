import { isUtf8 } from 'node:buffer';

const HEX_BYTES = 32;

/** Bytes for people: text where they are UTF-8, `0x…` where not; longer ones are cut. */
export function describeBytes(bytes: Uint8Array, limitBytes: number): string {
  const size = `… (${String(bytes.length)} bytes)`;
  if (!isUtf8(bytes)) {
    const shown = bytes.subarray(0, Math.min(HEX_BYTES, limitBytes));
    const hex = `0x${Buffer.from(shown).toString('hex')}`;
    return shown.length < bytes.length ? hex + size : hex;
  }
  const shown = bytes.subarray(0, limitBytes);
  const text = Buffer.from(shown).toString('utf8');
  // A character that the cut has split is left out.
  return shown.length < bytes.length ? text.replace(/\uFFFD$/, '') + size : text;
}

/** A header's name or value, which has one character per byte. */
export function describeLatin1(text: string, limitBytes: number): string {
  return describeBytes(Buffer.from(text, 'latin1'), limitBytes);
}
