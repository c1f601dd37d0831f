import { deflateSync, inflateSync } from 'node:zlib';

import { Status } from '../../abi/types.js';
import { messageOf } from '../../errors.js';
import { ForeignFailure, type BuiltInFunction } from './caller.js';

/** Both run while the event loop waits; and a few bytes can unpack to very many. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Bytes to a zlib container, as Envoy's. */
export const compress: BuiltInFunction = (argument) => {
  if (argument.length > MAX_BYTES) throw failure(`more than ${String(MAX_BYTES)} bytes`);
  return attempt(() => deflateSync(argument));
};

/** The opposite. */
export const uncompress: BuiltInFunction = (argument) =>
  attempt(() => inflateSync(argument, { maxOutputLength: MAX_BYTES }));

function attempt(convert: () => Uint8Array): Uint8Array {
  try {
    return convert();
  } catch (error) {
    throw failure(messageOf(error));
  }
}

function failure(message: string): ForeignFailure {
  return new ForeignFailure(Status.SERIALIZATION_FAILURE, message);
}
