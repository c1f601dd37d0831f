import type { CodeCredentials } from './code-source-options.js';

/** The value of an `authorization` header. */
export function authorizationOf(credentials: CodeCredentials | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  if ('token' in credentials) return `Bearer ${credentials.token}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
