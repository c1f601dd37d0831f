/** What has come to a client so far of a response's body, for those who wait for it. */
export class Received {
  #text = '';
  #waiting: { text: string; resolve: () => void }[] = [];

  reset(): void {
    this.#text = '';
  }

  append(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    for (const { text, resolve } of this.#waiting) if (this.#text.includes(text)) resolve();
    this.#waiting = this.#waiting.filter(({ text }) => !this.#text.includes(text));
  }

  async contains(text: string): Promise<void> {
    if (this.#text.includes(text)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ text, resolve }));
  }
}

/**
 * Writes a request's pieces: each when the one before it has been read, or has come back.
 *
 * @param write resolves when the server has read the piece
 */
export async function writePieces(
  pieces: readonly string[],
  inStep: boolean,
  received: Received,
  write: (piece: string) => Promise<void>,
): Promise<void> {
  let sent = '';
  for (const piece of pieces) {
    await write(piece);
    sent += piece;
    if (inStep) await received.contains(sent);
  }
}
