import {
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto';

import { Status } from '../../abi/types.js';
import { messageOf } from '../../errors.js';
import { ForeignFailure, type BuiltInFunction } from './caller.js';
import { encodeMessage, Message } from './messages.js';

const HASH_FUNCTIONS: ReadonlySet<string> = new Set([
  'sha1',
  'sha224',
  'sha256',
  'sha384',
  'sha512',
]);

/**
 * `{ hash_function = 1, public_key = 2 (DER), signature = 3, text = 4, public_key_pem = 5 }` to
 * `{ result = 1, error = 2 }`. RSA (PKCS #1 v1.5) or ECDSA, as the key is.
 */
export const verifySignature: BuiltInFunction = (argument) => {
  const message = new Message(argument);
  const key = keyOf(message.bytes(2), message.text(5));
  const outcome = attempt(message.text(1), (hash) =>
    verifyBytes(hash, message.bytes(4), publicKey(key), message.bytes(3)),
  );
  if (outcome.error !== undefined) return encodeMessage([2, outcome.error]);
  return encodeMessage([1, outcome.value], [2, outcome.value ? '' : 'the signature is not valid']);
};

/**
 * `{ hash_function = 1, private_key = 2 (DER), text = 3, private_key_pem = 4 }` to
 * `{ result = 1, signature = 2, error = 3 }`.
 */
export const sign: BuiltInFunction = (argument) => {
  const message = new Message(argument);
  const key = keyOf(message.bytes(2), message.text(4));
  const outcome = attempt(message.text(1), (hash) =>
    signBytes(hash, message.bytes(3), privateKey(key)),
  );
  if (outcome.error !== undefined) return encodeMessage([3, outcome.error]);
  return encodeMessage([1, true], [2, outcome.value]);
};

/** DER bytes or PEM text. */
type Key = Uint8Array | string;

function keyOf(der: Uint8Array, pem: string): Key {
  if ((der.length === 0) === (pem === '')) {
    throw new ForeignFailure(Status.BAD_ARGUMENT, 'exactly one key must be given, DER or PEM');
  }
  return pem === '' ? der : pem;
}

function publicKey(key: Key): KeyObject {
  if (typeof key === 'string') return createPublicKey(key);
  return createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
}

function privateKey(key: Key): KeyObject {
  if (typeof key === 'string') return createPrivateKey(key);
  return createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' });
}

type Outcome<T> = { value: T; error?: undefined } | { error: string };

/** What goes wrong with key or hash function is part of the answer. */
function attempt<T>(hashFunction: string, run: (hash: string) => T): Outcome<T> {
  const hash = hashFunction.toLowerCase();
  if (!HASH_FUNCTIONS.has(hash)) return { error: `${hashFunction} is not supported.` };
  try {
    return { value: run(hash) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
