/** Lists of headers (name, value, …), as they go from one side of the proxy to the other. */
import type { HeaderEdits } from '@proxy-wasm-node/envoy';

/**
 * Whether a header is about one connection and goes no further: RFC 9110, section 7.6.1. By length
 * first, since this is asked of every header.
 *
 * @param name of any case
 */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return same(name, 'te');
    case 6:
      // The proxy itself has told the client to go on.
      return same(name, 'expect');
    case 7:
      return same(name, 'upgrade');
    case 10:
      return same(name, 'connection') || same(name, 'keep-alive');
    case 16:
      return same(name, 'proxy-connection');
    case 17:
      return same(name, 'transfer-encoding');
    default:
      return false;
  }
}

function same(name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase;
}

/** Where a name is in a list, from an index on; -1: it is not. */
export function findName(list: readonly string[], lowerCase: string, from = 0): number {
  for (let index = from; index < list.length; index += 2) {
    const name = list[index] as string;
    if (name.length === lowerCase.length && same(name, lowerCase)) return index;
  }
  return -1;
}

/** Takes away all of a name. */
function removeName(list: string[], lowerCase: string): void {
  let index = findName(list, lowerCase);
  while (index >= 0) {
    list.splice(index, 2);
    index = findName(list, lowerCase, index);
  }
}

/** Takes away what the header `connection` names. */
export function removeNamed(list: string[], connection: string): void {
  for (const token of connection.split(',')) {
    const name = token.trim().toLowerCase();
    if (name !== '' && name !== 'close' && name !== 'keep-alive') removeName(list, name);
  }
}

/** What a route says of headers. */
export function editHeaders(list: string[], { add, remove }: HeaderEdits): void {
  for (const name of remove) removeName(list, name);
  for (const { name, value, append } of add) {
    const exists = findName(list, name) >= 0;
    if (append === 'ADD_IF_ABSENT' && exists) continue;
    if (append === 'OVERWRITE_IF_EXISTS' && !exists) continue;
    if (append.startsWith('OVERWRITE')) removeName(list, name);
    list.push(name, value);
  }
}
