import { Buffer } from 'node:buffer';

/** A piece of a body: bytes, or text that nobody has needed as bytes yet. */
export type BodyChunk = Uint8Array | BodyText;

/**
 * Text that the app sends, in UTF-8. Most filters are told of a body's length and no more: then it
 * goes out as the text that it is, which Node puts into one packet with the head.
 */
export class BodyText {
  readonly text: string;
  /** In bytes. */
  readonly length: number;
  #bytes: Uint8Array | undefined = undefined;

  constructor(text: string) {
    this.text = text;
    this.length = Buffer.byteLength(text, 'utf8');
  }

  get bytes(): Uint8Array {
    this.#bytes ??= Buffer.from(this.text, 'utf8');
    return this.#bytes;
  }
}

/** Not to be changed. */
export function bytesOf(chunk: BodyChunk): Uint8Array {
  return chunk instanceof BodyText ? chunk.bytes : chunk;
}
