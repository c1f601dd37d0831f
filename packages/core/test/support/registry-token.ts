/** A token server for a registry (the distribution project's bearer tokens). */
import { randomBytes, sign, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { tls } from '../../../conformance/src/tls/index.js';

export const ISSUER = 'test-tokens';
export const SERVICE = 'test-registry';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that a registry which trusts the tests' certificate takes. */
export function tokenFor(repository: string, actions: readonly string[]): string {
  const certificate = new X509Certificate(tls.cert).raw.toString('base64');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ iss: ISSUER, aud: SERVICE, sub: 'test', jti: randomBytes(8).toString('hex') },
    ...{ iat: now - 10, nbf: now - 10, exp: now + 600 },
    access: [{ type: 'repository', name: repository, actions }],
  };
  const text = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })}.${encode(claims)}`;
  const key = { key: tls.key, dsaEncoding: 'ieee-p1363' } as const;
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

/** What a token server does for who may pull: `alice`, and nobody for `public/…`. */
export function answerToken(req: IncomingMessage, res: ServerResponse): void {
  const { searchParams } = new URL(req.url ?? '', 'http://token.test');
  const [, repository = '', actions = ''] = (searchParams.get('scope') ?? '').split(':');
  const alice = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;
  const mayPull = req.headers.authorization === alice || repository.startsWith('public/');
  if (searchParams.get('service') !== SERVICE || !mayPull) {
    res.writeHead(401).end();
    return;
  }
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify({ token: tokenFor(repository, actions.split(',')) }));
}
