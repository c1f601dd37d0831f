import { HeaderList } from '../stream/header-list.js';
import type { HeaderMap } from '../vm/context.js';
import { addHeaderLine, isHttp2, isInjected, type NodeRequest } from './messages.js';
import { KNOWS_TRAILERS, TRAILERS, TRAILERS_COUNT, TRAILERS_DISTINCT } from './node-symbols.js';

/** Shows the app the trailers that passed the filters, in all the ways Node has. */
export function showTrailers(req: NodeRequest, trailers: HeaderMap): void {
  const known = isInjected(req) ? [] : req.rawTrailers;
  if (trailers instanceof HeaderList && !trailers.edited && known.length > 0) return;
  const entries = trailers.entries().slice();
  if (isHttp2(req)) {
    fill(req, req.trailers, entries);
    req.rawTrailers.splice(0, Infinity, ...entries);
    return;
  }
  req.rawTrailers = entries;
  if (KNOWS_TRAILERS && !isInjected(req)) {
    // Node makes both anew from rawTrailers when they are asked for.
    const internals = req as unknown as Record<symbol, unknown>;
    internals[TRAILERS_COUNT as symbol] = entries.length;
    internals[TRAILERS as symbol] = null;
    internals[TRAILERS_DISTINCT as symbol] = undefined;
  } else {
    req.trailers = fill(req, {}, entries);
  }
}

function fill(
  req: NodeRequest,
  target: NodeJS.Dict<string>,
  entries: string[],
): NodeJS.Dict<string> {
  for (const name of Object.keys(target)) target[name] = undefined;
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    const value = entries[index + 1] as string;
    if (isHttp2(req))
      target[name] = target[name] === undefined ? value : `${target[name]}, ${value}`;
    else addHeaderLine(req, name, value, target);
  }
  return target;
}
