/** A filter in this host, by the public way in, with plain objects where the app and the client are. */
import { createHost } from '@proxy-wasm-node/core';

import { HeaderList, HttpStream } from '../core-internals.mjs';
import { PSEUDO_HEADERS, RAW_REQUEST_HEADERS, RESPONSE_HEADERS } from './messages.mjs';

/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */
/** @typedef {import('../core-internals.mjs').Headers} Headers */
/** @typedef {import('../core-internals.mjs').StreamEnds} StreamEnds */

/** Takes nothing below warnings, so that what filters log is dropped unread, as in production. */
export const quietLogger = {
  level: 'warn',
  warn: /** @param {object} _ @param {string} message */ (_, message) => console.error(message),
};

/**
 * Ends that take whatever comes.
 *
 * @implements {StreamEnds}
 */
export class SilentEnds {
  responseStarted = false;
  requestHeaders() {}
  requestData() {}
  requestTrailers() {}
  pauseRequest() {}
  resumeRequest() {}
  responseHeaders() {}
  responseData() {}
  responseTrailers() {}
  pauseResponse() {}
  resumeResponse() {}
  /** @returns {Headers} */
  beginLocalResponse() {
    throw new Error('the filter answered by itself: not what is measured here');
  }
  /** @returns {never} */
  reset() {
    throw new Error('the filter reset the stream: not what is measured here');
  }
  attribute() {
    return undefined;
  }
}

/** What the last stream left: its two header lists, for comparison with the other side's. */
export const lastHeaders = {
  /** @type {Headers | undefined} */
  request: undefined,
  /** @type {Headers | undefined} */
  response: undefined,
};

/**
 * @param {string | Uint8Array} code
 * @param {string} [configuration]
 * @param {import('@proxy-wasm-node/core').Limits} [limits]
 * @returns {Promise<Plugin>}
 */
export function openPlugin(code, configuration = '', limits = {}) {
  return createHost({ logger: quietLogger }).createPlugin({
    code,
    configuration,
    limits,
    name: 'measured',
  });
}

/**
 * @param {readonly Plugin[]} plugins the chain, first to last
 * @returns {() => void} runs one whole stream
 */
export function hostSide(plugins) {
  const [plugin] = plugins;
  if (plugin === undefined) throw new Error('a chain needs a plugin');
  const { limits } = plugin;
  return () => {
    const request = new HeaderList(RAW_REQUEST_HEADERS.slice(), PSEUDO_HEADERS.slice());
    const response = new HeaderList(RESPONSE_HEADERS.slice());
    lastHeaders.request = request;
    lastHeaders.response = response;
    const stream = new HttpStream(new SilentEnds(), request, limits);
    stream.join(plugins, true);
    if (stream.seesResponse) stream.responseHeaders(response, true);
    stream.complete();
  };
}
