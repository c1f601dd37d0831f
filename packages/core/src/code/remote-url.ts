/** The URLs that code is fetched from, and how they are shown. */

/** An `https:` or `http:` URL, or an image in a registry. */
export type RemoteUrl = HttpUrl | ImageReference;

export interface HttpUrl {
  readonly kind: 'http';
  /** Without user and fragment. */
  readonly url: URL;
  /** Of the URL's user, if it has one. */
  readonly credentials: UrlCredentials | undefined;
  /** For messages and logs: without user, query and fragment, any of which may be a secret. */
  readonly shown: string;
}

/** `oci://registry/repository:tag@sha256:…`; with a digest, the tag is for people only. */
export interface ImageReference {
  readonly kind: 'oci';
  /** Host, with its port if it has one: `ghcr.io`, `localhost:5000`. */
  readonly registry: string;
  /** `team/filter`. */
  readonly repository: string;
  readonly tag: string;
  /** Of the manifest: `sha256:` and 64 hex digits; undefined: what the tag leads to. */
  readonly digest: string | undefined;
  readonly credentials: UrlCredentials | undefined;
  readonly shown: string;
}

interface UrlCredentials {
  readonly username: string;
  readonly password: string;
}

/** What is wrong with a URL, in words that end a sentence which begins with "it". */
export class RemoteUrlError extends Error {}

const REMOTE = /^(?:https?|oci):/i;

/** Whether code is to be fetched. */
export function isRemote(code: unknown): code is string | URL {
  return (typeof code === 'string' || code instanceof URL) && REMOTE.test(String(code));
}

/**
 * @param code for which {@link isRemote}
 * @throws RemoteUrlError whose message holds nothing of the URL
 */
export function parseRemoteUrl(code: string | URL): RemoteUrl {
  const text = String(code);
  return /^oci:/i.test(text) ? parseImageReference(text) : parseHttpUrl(text);
}

function parseHttpUrl(text: string): HttpUrl {
  if (!URL.canParse(text)) throw new RemoteUrlError('can not be read');
  const url = new URL(text);
  const credentials = credentialsOf(url.username, url.password);
  url.username = '';
  url.password = '';
  url.hash = '';
  return { kind: 'http', url, credentials, shown: showUrl(url) };
}

/** A URL without what may be a secret. */
export function showUrl({ protocol, host, pathname, search }: URL): string {
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}

function credentialsOf(username: string, password: string): UrlCredentials | undefined {
  if (username === '' && password === '') return undefined;
  return { username: decode(username), password: decode(password) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const AUTHORITY =
  /^oci:\/\/(?:([^/@]*)@)?([a-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?)\//i;
const REPOSITORY =
  /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** What Docker calls its registry, and where that is. */
const DOCKER_HUB = /^(?:(?:www\.|index\.)?docker\.io|registry-1\.docker\.io)$/;

function parseImageReference(text: string): ImageReference {
  const [start, user, registry = ''] = AUTHORITY.exec(text) ?? [];
  if (start === undefined) {
    throw new RemoteUrlError('has no registry: oci://registry/repository:tag is expected');
  }
  const [name = '', digest, ...rest] = text.slice(start.length).split('@');
  const [path = '', tag = 'latest', ...more] = name.split(':');
  const isHub = DOCKER_HUB.test(registry.toLowerCase());
  const repository = isHub && !path.includes('/') ? `library/${path}` : path;
  if (!REPOSITORY.test(repository)) {
    throw new RemoteUrlError('has no repository in small letters after its registry');
  }
  if (!TAG.test(tag) || more.length > 0) throw new RemoteUrlError('has a tag that none can be');
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest))) {
    throw new RemoteUrlError('has a digest that is not sha256: and 64 small hex digits');
  }
  const [username = '', password = ''] = splitOnce(user ?? '', ':');
  const host = isHub ? 'docker.io' : registry.toLowerCase();
  const version = digest === undefined ? `:${tag}` : `@${digest}`;
  return {
    kind: 'oci',
    ...{ registry: host, repository, tag, digest },
    credentials: credentialsOf(username, password),
    shown: `oci://${host}/${repository}${version}`,
  };
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** What the URL is called where nobody gives a name: its last part, without `.wasm`, tag and digest. */
export function nameOfRemote(code: string | URL): string {
  try {
    const remote = parseRemoteUrl(code);
    return remote.kind === 'oci' ? remote.repository : remote.url.pathname;
  } catch {
    return '';
  }
}
