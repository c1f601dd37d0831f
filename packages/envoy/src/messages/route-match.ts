import { createRequire } from 'node:module';

import type * as Re2 from 're2js';

import type { RouteMatch } from '../model.js';
import type { ConfigPosition } from '../position.js';
import { refuseInvalid } from '../refusals.js';
import { label, optional, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { flag, name, text } from '../schema/scalars.js';

const require = createRequire(import.meta.url);

/** Longer ones make large programs, which take long however short the path is. */
const MAX_REGEX_CHARS = 4096;

export const regexMatcher = message('envoy.type.matcher.v3.RegexMatcher', {
  fields: {
    regex: required(
      name,
      'RE2, at most 4096 characters; matched in linear time, and against all of the path',
    ),
    google_re2: label('there is no other engine; `max_program_size` is not looked at'),
  },
});

export const routeMatch = message('envoy.config.route.v3.RouteMatch', {
  fields: {
    prefix: optional(text),
    path: optional(text),
    safe_regex: optional(regexMatcher.read),
    case_sensitive: withDefault(flag, true, 'of prefix and path'),
  },
  unsupported: [
    ...['path_separated_prefix', 'connect_matcher', 'path_match_policy', 'runtime_fraction'],
    ...['headers', 'cookies', 'query_parameters', 'grpc', 'tls_context', 'dynamic_metadata'],
    ...['filter_state', 'regex'],
  ],
  exactlyOne: [['prefix', 'path', 'safe_regex']],
});

export const matchOf: Read<RouteMatch> = mapped(routeMatch, (values) => {
  const { at, prefix, path, safe_regex: regex, case_sensitive: caseSensitive } = values;
  if (regex !== undefined) {
    const pattern = compile(regex.regex, regex.placeOf('regex'));
    const matches = (requested: string): boolean => pattern.testExact(withoutQuery(requested));
    return { at, kind: 'safe_regex', text: regex.regex, caseSensitive: true, matches };
  }
  const fold = caseSensitive ? same : lowerCase;
  if (path !== undefined) {
    const wanted = fold(path);
    const matches = (requested: string): boolean => fold(withoutQuery(requested)) === wanted;
    return { at, kind: 'path', text: path, caseSensitive, matches };
  }
  const start = prefix ?? '';
  const wanted = fold(start);
  const matches = (requested: string): boolean => fold(withoutQuery(requested)).startsWith(wanted);
  return { at, kind: 'prefix', text: start, caseSensitive, matches };
});

/** RE2's syntax, without what only a backtracking engine can do; linear in the path's length. */
export function compile(regex: string, at: ConfigPosition): Re2.RE2JS {
  if (regex.length > MAX_REGEX_CHARS) {
    refuseInvalid(at, `must not be longer than ${String(MAX_REGEX_CHARS)} characters`);
  }
  // Loaded here, since most configurations have no regular expression and start sooner without.
  const re2 = require('re2js') as typeof Re2;
  try {
    return re2.RE2JS.compile(regex);
  } catch (error) {
    if (!(error instanceof re2.RE2JSException)) throw error;
    return refuseInvalid(at, `is no regular expression of RE2: ${error.message}`);
  }
}

const same = (text: string): string => text;
const lowerCase = (text: string): string => text.toLowerCase();

function withoutQuery(path: string): string {
  const at = path.search(/[?#]/);
  return at === -1 ? path : path.slice(0, at);
}
