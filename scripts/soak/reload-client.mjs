import { Agent, request } from 'node:http';

/** A client with one connection, which it keeps. */
export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #port;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  /** @returns {Promise<number>} the status; 0 where there was none */
  send() {
    return new Promise((resolve) => {
      const options = { agent: this.#agent, host: '127.0.0.1', port: this.#port, path: '/' };
      const req = request(options, (res) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode ?? 0));
        res.on('error', () => resolve(0));
      });
      req.on('error', () => resolve(0));
      req.end();
    });
  }

  close() {
    this.#agent.destroy();
  }
}
