import { readFile } from 'node:fs/promises';

import { messageOf, ProxyWasmError } from '../../errors.js';
import type { DockerAuth, DockerConfig } from '../code-source-options.js';
import { isPlainObject } from '../json.js';

/** What a `config.json` says of one registry. */
export interface RegistryAuth {
  readonly user: { readonly username: string; readonly password: string } | undefined;
  readonly identityToken: string | undefined;
  readonly registryToken: string | undefined;
}

/** How Docker's own registry is called there. */
const HUB_KEYS = ['index.docker.io', 'docker.io', 'registry-1.docker.io'];

/**
 * The credentials for a repository: those for the longest beginning of its name (`ghcr.io/team`
 * before `ghcr.io`), as podman and Kubernetes find them.
 *
 * @param config a path is read now, so that what was changed there holds
 * @returns undefined: it says nothing of that registry
 * @throws ProxyWasmError PW_ERR_CODE_REFUSED where the file can't be read
 */
export async function findRegistryAuth(
  config: string | URL | DockerConfig | undefined,
  registry: string,
  repository: string,
): Promise<RegistryAuth | undefined> {
  if (config === undefined) return undefined;
  const isFile = typeof config === 'string' || config instanceof URL;
  const { auths } = isFile ? await readConfig(config) : config;
  if (!isPlainObject(auths)) return undefined;
  const byName = new Map(
    Object.entries(auths).map(([key, auth]): [string, DockerAuth] => [nameOfKey(key), auth]),
  );
  const names = registry === 'docker.io' ? HUB_KEYS : [registry];
  const parts = repository.split('/');
  for (let count = parts.length; count >= 0; count -= 1) {
    for (const name of names) {
      const auth = byName.get([name, ...parts.slice(0, count)].join('/'));
      if (isPlainObject(auth)) return readAuth(auth);
    }
  }
  return undefined;
}

/** `https://index.docker.io/v1/` is `index.docker.io`. */
function nameOfKey(key: string): string {
  return key
    .replace(/^https?:\/\//i, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/$/, '');
}

function readAuth({ auth, username, password, identitytoken, registrytoken }: DockerAuth) {
  const [name = '', ...rest] = Buffer.from(textOf(auth), 'base64').toString('utf8').split(':');
  // Docker pads some passwords with zeros.
  const decoded = { username: name, password: rest.join(':').replace(/\0+$/, '') };
  const plain = { username: textOf(username), password: textOf(password) };
  const user = textOf(auth) === '' ? plain : decoded;
  return {
    user: user.username === '' && user.password === '' ? undefined : user,
    identityToken: textOf(identitytoken) || undefined,
    registryToken: textOf(registrytoken) || undefined,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function readConfig(file: string | URL): Promise<DockerConfig> {
  const at = `codeSource.dockerConfig, ${String(file)},`;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw unreadable(`${at} could not be read: ${messageOf(cause)}`, cause);
  }
  const json = parseJson(text);
  if (isPlainObject(json)) return json;
  throw unreadable(`${at} is no JSON object, as docker login writes it`);
}

/** What is wrong with the text is not said: the words of the engine show parts of it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(message: string, cause?: unknown): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_CODE_REFUSED', message, { cause });
}
