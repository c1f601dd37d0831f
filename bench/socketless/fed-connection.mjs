import { Duplex } from 'node:stream';

import { REQUEST_HEADERS } from '../http/exchange.mjs';

const LINES = Object.entries(REQUEST_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
const HEAD = `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: keep-alive\r\n${LINES.join('')}\r\n`;
const REQUEST = Buffer.from(HEAD, 'latin1');

/** A connection without a network: requests are put in, and what comes out is only counted. */
export class FedConnection extends Duplex {
  remoteAddress = '127.0.0.1';
  /** Writes, which are one for each answer. */
  answers = 0;

  /** The client sends the request once more. */
  ask() {
    this.push(REQUEST);
  }

  /** Node's server asks this of a socket, for each request. */
  setTimeout() {
    return this;
  }

  /** @override */
  _read() {
    // Requests come when they are put in.
  }

  /**
   * @override
   * @param {unknown} _chunk
   * @param {string} _encoding
   * @param {() => void} done
   */
  _write(_chunk, _encoding, done) {
    this.answers += 1;
    done();
  }

  /**
   * @override
   * @param {unknown} _chunks
   * @param {() => void} done
   */
  _writev(_chunks, done) {
    this.answers += 1;
    done();
  }
}
