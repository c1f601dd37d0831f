import type { Route, RouteConfiguration, VirtualHost } from './model.js';

/**
 * The route that a request takes; undefined: Envoy answers 404. The virtual host is the one with the
 * most specific domain: exact, then the longest `*.suffix`, then the longest `prefix.*`, then `*`;
 * its first route that matches is taken.
 *
 * @param authority of the request, with or without a port; the port belongs to the name, as in Envoy
 * @param path `:path`, with the query
 */
export function findRoute(
  { virtualHosts }: RouteConfiguration,
  authority: string,
  path: string,
): Route | undefined {
  const host = findVirtualHost(virtualHosts, authority.toLowerCase());
  return host?.routes.find(({ match }) => match.matches(path));
}

function findVirtualHost(hosts: readonly VirtualHost[], name: string): VirtualHost | undefined {
  let best: VirtualHost | undefined;
  let bestRank = 0;
  for (const host of hosts) {
    for (const domain of host.domains) {
      const rank = rankOf(domain, name);
      if (rank > bestRank) [best, bestRank] = [host, rank];
    }
  }
  return best;
}

const EXACT = 3e9;
const SUFFIX = 2e9;
const PREFIX = 1e9;
const ANY = 1;

/** How well a domain fits; 0: not. A `*` stands for at least one character. */
function rankOf(domain: string, name: string): number {
  if (domain === name) return EXACT;
  if (domain === '*') return ANY;
  if (domain.length > name.length) return 0;
  if (domain.startsWith('*')) {
    return name.endsWith(domain.slice(1)) ? SUFFIX + domain.length : 0;
  }
  if (domain.endsWith('*')) {
    return name.startsWith(domain.slice(0, -1)) ? PREFIX + domain.length : 0;
  }
  return 0;
}
