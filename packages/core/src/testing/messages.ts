import type { HeaderMap } from '../vm/context.js';

/** Headers in order, repeated names too; or, to give some, an object. */
export type HeaderEntries = readonly (readonly [name: string, value: string])[];
/** Headers as pairs, or as an object. */
export type GivenHeaders = HeaderEntries | Readonly<Record<string, string>>;

/** What the client sends. */
export interface ExchangeRequest {
  /** Default GET. */
  method?: string;
  /** Path and query; default `/`. */
  path?: string;
  /** Default `http`. */
  scheme?: string;
  /** A `host` among them is `:authority`; default: `localhost`. */
  headers?: GivenHeaders;
  /** Text is sent as UTF-8. */
  body?: string | Uint8Array | undefined;
  trailers?: GivenHeaders | undefined;
}

/** What the app, or the upstream, answers. */
export interface ExchangeResponse {
  /** Default 200. */
  status?: number | undefined;
  headers?: GivenHeaders | undefined;
  body?: string | Uint8Array | undefined;
  trailers?: GivenHeaders | undefined;
}

/** A message behind the filters. */
export interface ExchangeMessage {
  /** In order, names lower-case, pseudo headers (`:path`, `:status`) first. */
  readonly headers: HeaderEntries;
  readonly body: Buffer;
  readonly trailers: HeaderEntries;
}

export function toBytes(body: string | Uint8Array | undefined): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? new Uint8Array(0));
}

/** name, value, …; names lower-case. */
export function toFlat(headers: GivenHeaders = []): string[] {
  const entries: HeaderEntries = isEntries(headers) ? headers : Object.entries(headers);
  return entries.flatMap(([name, value]) => [name.toLowerCase(), value]);
}

function isEntries(headers: GivenHeaders): headers is HeaderEntries {
  return Array.isArray(headers);
}

export function toEntries(map: HeaderMap | undefined): [string, string][] {
  const flat = map?.entries() ?? [];
  const entries: [string, string][] = [];
  for (let index = 0; index < flat.length; index += 2) {
    entries.push([flat[index] as string, flat[index + 1] as string]);
  }
  return entries;
}
