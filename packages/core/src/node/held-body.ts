/** Of a response's body, what is held until its length is known again. */
import { Buffer } from 'node:buffer';

import { bytesOf, type BodyChunk } from '../stream/body-text.js';
import { announcesTrailers, contentLengthOf } from './header-table.js';
import type { NodeResponse } from './messages.js';

/** A declared length up to this is kept, by holding the body. */
const HELD_LENGTH_BYTES = 64 * 1024;

/** Not to be written to. */
const NOTHING: BodyChunk[] = [];

export class HeldBody {
  #chunks = NOTHING;
  #sizeBytes = 0;

  /** Holds the chunk where the response's declared length can be kept so; else answers false. */
  add(chunk: BodyChunk, res: NodeResponse): boolean {
    if (announcesTrailers(res)) return false;
    const declared = Number(contentLengthOf(res));
    const total = this.#sizeBytes + chunk.length;
    if (!(declared <= HELD_LENGTH_BYTES && total <= HELD_LENGTH_BYTES)) return false;
    if (this.#sizeBytes === 0) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
    this.#sizeBytes = total;
    return true;
  }

  /** What is held, which it is no longer. */
  take(): readonly BodyChunk[] {
    if (this.#sizeBytes === 0) return NOTHING;
    const chunks = this.#chunks;
    this.#chunks = NOTHING;
    this.#sizeBytes = 0;
    return chunks;
  }

  /** As {@link take}, in one piece with the last of the body. */
  takeWith(last: BodyChunk | undefined): BodyChunk | undefined {
    const held = this.take();
    if (held.length === 0) return last;
    const chunks = last === undefined || last.length === 0 ? held : [...held, last];
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks.map(bytesOf));
  }
}
