import { connect, type Socket } from 'node:net';

const PATIENCE_MS = 15_000;

/** A connection on which a test writes what it likes. */
export class RawConnection {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #changed: () => void = () => undefined;
  readonly open: Promise<void>;
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#changed();
    });
    // A server may close while something is still on its way to it.
    this.#socket.on('error', () => undefined);
    this.open = new Promise((resolve) => {
      this.#socket.once('connect', resolve);
    });
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#changed();
        resolve();
      });
    });
  }

  /** What has come, one character per byte. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  write(bytes: string): void {
    this.#socket.write(bytes, 'latin1');
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends no more. */
  end(): void {
    this.#socket.end();
  }

  /** Goes away, with a reset or without. */
  destroy(reset = false): void {
    if (reset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Waits until what has come matches. */
  async until(pattern: RegExp): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!pattern.test(this.text)) {
      if (this.#socket.destroyed || Date.now() > end) {
        throw new Error(`waited for ${String(pattern)}, got ${JSON.stringify(this.text)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
