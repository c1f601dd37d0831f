import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

import type { Positioned } from '@proxy-wasm-node/envoy';
import { describePosition } from '@proxy-wasm-node/envoy/serving';

import { CommandError } from '../errors.js';

/** What an error of `listen` means, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken; end what listens there, or take another port',
  EACCES: 'this needs rights that the process lacks; take a port from 1024 on',
  EADDRNOTAVAIL: 'the address is none of this machine; take 127.0.0.1 or 0.0.0.0',
};

/** For the beginning of a message: where something is written; '' for what is in no file. */
function placeOf({ at }: Positioned): string {
  return at.file === undefined ? '' : `${describePosition(at)}: `;
}

/**
 * @param name what listens
 * @param part of the configuration, that says so
 * @throws CommandError PW_ERR_LISTEN
 */
export async function listenOn(
  server: Server,
  [name, part]: readonly [name: string, part: Positioned],
  { host, port, ipv6Only }: { host: string; port: number; ipv6Only: boolean },
): Promise<AddressInfo> {
  try {
    server.listen({ host, port, ipv6Only });
    await once(server, 'listening');
    return server.address() as AddressInfo;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const where = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
    const reason = REASONS[code];
    throw new CommandError(
      'PW_ERR_LISTEN',
      `${placeOf(part)}${name} cannot listen on ${where}: ${reason === undefined ? message : `${reason} (${code})`}`,
      error,
    );
  }
}
