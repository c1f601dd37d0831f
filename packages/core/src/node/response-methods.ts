/** The functions that stand on a tapped response in the place of Node's: one set for all of them. */
import { Buffer } from 'node:buffer';

import { BodyText, type BodyChunk } from '../stream/body-text.js';
import { giveHeaderTable } from './header-table.js';
import { EXCHANGE, isHttp2, type NodeResponse } from './messages.js';
import { withCode, type HeadValues } from './response-head.js';
import type { ResponseTap } from './response-tap.js';
import type { Callback } from './response-writer.js';

/** Puts the functions on a response whose tap is found through its exchange. */
export function patchMethods(res: NodeResponse): void {
  giveHeaderTable(res);
  res.writeHead = writeHead;
  res.write = write as NodeResponse['write'];
  res.end = end as NodeResponse['end'];
  res.flushHeaders = flushHeaders;
  res.addTrailers = addTrailers;
}

function tapOf(res: NodeResponse): ResponseTap {
  return (res[EXCHANGE] as { responseTap?: ResponseTap }).responseTap as ResponseTap;
}

function writeHead(this: NodeResponse, ...values: HeadValues): NodeResponse {
  const tap = tapOf(this);
  const { writer } = tap;
  if (writer.passing) return writer.native.writeHead.apply(this, values as unknown as unknown[]);
  if (tap.appHead && !tap.isLocal) {
    throw withCode(
      new Error('Cannot write headers after they are sent to the client'),
      isHttp2(this) ? 'ERR_HTTP2_HEADERS_SENT' : 'ERR_HTTP_HEADERS_SENT',
    );
  }
  tap.writeHead(values);
  return this;
}

function write(this: NodeResponse, chunk: unknown, encoding: unknown, callback: unknown): boolean {
  const tap = tapOf(this);
  const { writer } = tap;
  const after = typeof encoding === 'function' ? encoding : callback;
  if (!writer.passing && tap.looksEnded) return failAfterEnd(after);
  // After the end Node's own function raises Node's own error.
  if (writer.passing || (tap.appEnded && !tap.isLocal)) {
    return writer.native.write.call(this, chunk, encoding, callback);
  }
  checkChunk(chunk);
  return tap.write(chunk, toEncoding(encoding), toCallback(after));
}

function end(
  this: NodeResponse,
  chunk: unknown,
  encoding: unknown,
  callback: unknown,
): NodeResponse {
  const tap = tapOf(this);
  const { writer } = tap;
  if (!writer.passing && tap.looksEnded) return this;
  if (writer.passing || (tap.appEnded && !tap.isLocal)) {
    return writer.native.end.call(this, chunk, encoding, callback);
  }
  if (typeof chunk === 'function') {
    tap.end(undefined, undefined, toCallback(chunk));
    return this;
  }
  if (chunk !== undefined && chunk !== null) checkChunk(chunk);
  const after = typeof encoding === 'function' ? encoding : callback;
  tap.end(chunk, toEncoding(encoding), toCallback(after));
  return this;
}

/** Where Node does not know that the response has ended. */
function failAfterEnd(callback: unknown): boolean {
  const error = withCode(new Error('write after end'), 'ERR_STREAM_WRITE_AFTER_END');
  if (typeof callback === 'function') process.nextTick(callback, error);
  return false;
}

function flushHeaders(this: NodeResponse): void {
  const tap = tapOf(this);
  if (tap.writer.passing) tap.writer.native.flushHeaders.call(this);
  else tap.flushHeaders();
}

function addTrailers(this: NodeResponse, trailers: Record<string, string>): void {
  const tap = tapOf(this);
  if (tap.writer.passing) tap.writer.native.addTrailers.call(this, trailers);
  else tap.addTrailers(trailers);
}

/** Where a callback stands in its place, there is none. */
function toEncoding(value: unknown): BufferEncoding | undefined {
  return typeof value === 'string' ? (value as BufferEncoding) : undefined;
}

function toCallback(value: unknown): Callback | undefined {
  return typeof value === 'function' ? (value as Callback) : undefined;
}

/** @throws as Node does on what is no piece of a body */
function checkChunk(chunk: unknown): void {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return;
  if (chunk === null) {
    throw withCode(new TypeError('May not write null values to stream'), 'ERR_STREAM_NULL_VALUES');
  }
  throw withCode(
    new TypeError(
      `The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof chunk}`,
    ),
    'ERR_INVALID_ARG_TYPE',
  );
}

/** A piece of a body as the filters get it; nothing as no bytes. */
export function toBodyChunk(chunk: unknown, encoding: unknown): BodyChunk {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk !== 'string') return new Uint8Array(0);
  if (encoding === undefined || encoding === 'utf8') return new BodyText(chunk);
  return Buffer.from(chunk, toEncoding(encoding));
}
