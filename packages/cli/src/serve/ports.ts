import { CommandError } from '../errors.js';
import type { RunOptions } from './run.js';

const HIGHEST_PORT = 65_535;

/** @throws CommandError PW_ERR_USAGE */
export function adminPortOf({ adminPort }: RunOptions): number | undefined {
  return adminPort === undefined ? undefined : portOf('--admin-port', adminPort);
}

/** @throws CommandError PW_ERR_USAGE */
export function portOf(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= HIGHEST_PORT) return port;
  throw new CommandError(
    'PW_ERR_USAGE',
    `${option} takes a number from 0 to ${String(HIGHEST_PORT)}, not '${text}'; see proxy-wasm run --help`,
  );
}
