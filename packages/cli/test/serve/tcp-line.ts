import { connect, type Socket } from 'node:net';

/** A TCP client that speaks in lines. */
export class TcpLine {
  readonly #socket: Socket;
  /** All that has come. */
  text = '';
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('utf8').on('data', (piece: string) => (this.text += piece));
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        resolve();
      });
    });
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  end(): void {
    this.#socket.end();
  }

  /** What comes next, up to the end of a line. */
  ask(text: string): Promise<string> {
    const before = this.text.length;
    this.write(text);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const answer = this.text.slice(before);
        if (answer.endsWith('\n')) resolve(answer);
      };
      this.#socket.on('data', look);
      this.#socket.once('close', () => {
        reject(new Error(`closed after ${JSON.stringify(this.text)}`));
      });
    });
  }
}
