import type { IncomingMessage } from 'node:http';

/**
 * A request as to a forward proxy names scheme and host in front of the path: they become path and
 * host, as in Envoy. `OPTIONS *` stays.
 */
export function useRequestTarget(req: IncomingMessage): void {
  const parts = /^https?:\/\/([^/?#]+)(.*)$/i.exec(req.url ?? '');
  if (parts === null) return;
  const [, host = '', rest = ''] = parts;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
  const { headers, rawHeaders } = req;
  headers.host = host;
  const at = rawHeaders.findIndex(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'host',
  );
  if (at >= 0) rawHeaders[at + 1] = host;
}
