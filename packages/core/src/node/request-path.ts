/**
 * `:path` and `req.url`. A framework takes a mount's prefix off the URL while what is mounted runs;
 * the guest sees and sets the whole path all the same.
 */
import type { NodeRequest } from './messages.js';

/** The path as the client would write it, with the prefix of the mount that the filter stands in. */
export function fullPath(req: NodeRequest): string {
  const { url = '/', originalUrl } = req;
  if (originalUrl === undefined || originalUrl === url) return url;
  const prefix = mountPrefix(req, url, originalUrl);
  if (prefix === '') return url;
  return isSlashAdded(url, originalUrl, prefix) ? originalUrl : prefix + url;
}

/** Sends the request to another path. One outside the filter's mount is taken as one inside it. */
export function route(req: NodeRequest, path: string): void {
  const { url = '/', originalUrl } = req;
  const prefix = originalUrl === undefined ? '' : mountPrefix(req, url, originalUrl);
  if (prefix === '' || originalUrl === undefined) {
    req.url = path;
    return;
  }
  const inside = path.startsWith(prefix) && /^(?:[/?]|$)/.test(path.slice(prefix.length));
  const rest = inside ? path.slice(prefix.length) : path;
  const rooted = rest.startsWith('/') ? rest : `/${rest}`;
  if (isSlashAdded(url, originalUrl, prefix)) keepSlash(req, rooted);
  else req.url = rooted;
}

/**
 * Express adds a slash to a bare mount path and takes the first character away again when the
 * request leaves the mount; some versions do so even if the slash is not theirs any more.
 */
function keepSlash(req: NodeRequest, url: string): void {
  const property = { configurable: true, enumerable: true };
  Object.defineProperty(req, 'url', {
    ...property,
    get: () => url,
    set(value: string) {
      const kept = value === url.slice(1) ? url : value;
      Object.defineProperty(req, 'url', { ...property, writable: true, value: kept });
    },
  });
}

/** Express says it; connect does not, but keeps the whole URL. */
function mountPrefix(req: NodeRequest, url: string, originalUrl: string): string {
  if (req.baseUrl !== undefined) return req.baseUrl;
  return originalUrl.endsWith(url) ? originalUrl.slice(0, originalUrl.length - url.length) : '';
}

/** `/mount` became `/` inside its mount: there is no slash to give back. */
function isSlashAdded(url: string, originalUrl: string, prefix: string): boolean {
  return originalUrl === prefix + url.slice(1);
}
