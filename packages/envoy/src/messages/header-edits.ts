import type { HeaderAddition, HeaderEdits } from '../model.js';
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import { optional, reader, repeated, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { enumeration, flag, name, text } from '../schema/scalars.js';

export const headerValue = message('envoy.config.core.v3.HeaderValue', {
  fields: { key: required(name), value: withDefault(text, '', 'plain text; `%…%` is refused') },
  unsupported: ['raw_value'],
});

const ACTIONS = {
  APPEND_IF_EXISTS_OR_ADD: 'APPEND_IF_EXISTS_OR_ADD',
  ADD_IF_ABSENT: 'ADD_IF_ABSENT',
  OVERWRITE_IF_EXISTS_OR_ADD: 'OVERWRITE_IF_EXISTS_OR_ADD',
  OVERWRITE_IF_EXISTS: 'OVERWRITE_IF_EXISTS',
} as const;

export const headerValueOption = message('envoy.config.core.v3.HeaderValueOption', {
  fields: {
    header: required(headerValue.read),
    append: optional(flag, 'older; false is OVERWRITE_IF_EXISTS_OR_ADD'),
    append_action: optional(enumeration<HeaderAddition['append']>(ACTIONS)),
    keep_empty_value: withDefault(flag, false),
  },
  atMostOne: [['append', 'append_action']],
});

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
// eslint-disable-next-line no-control-regex -- what no header may hold
const NO_VALUE = /[\x00\r\n]/;

/** undefined: an empty value, which Envoy leaves out. */
const addition: Read<HeaderAddition | undefined> = mapped(headerValueOption, (values) => {
  const { at, header, append, append_action: action, keep_empty_value: keepsEmpty } = values;
  const headerName = header.key.toLowerCase();
  if (headerName.startsWith(':') || headerName === 'host' || !TOKEN.test(headerName)) {
    refuseInvalid(
      header.placeOf('key'),
      `${JSON.stringify(header.key)} is no header that can be set`,
    );
  }
  if (NO_VALUE.test(header.value)) {
    refuseInvalid(header.placeOf('value'), 'must not hold line breaks or NUL');
  }
  const literal = header.value.replaceAll('%%', '');
  if (literal.includes('%')) {
    const hint = 'a percent sign itself is written %%';
    refuseUnsupported(header.placeOf('value'), `values with %…% are not supported; ${hint}`);
  }
  if (header.value === '' && !keepsEmpty) return undefined;
  const older = append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : 'APPEND_IF_EXISTS_OR_ADD';
  return {
    at,
    name: headerName,
    value: header.value.replaceAll('%%', '%'),
    append: action ?? older,
  };
});

const removal = reader<string>('text', (node, context) => {
  const value = name(node, context).toLowerCase();
  if (!value.startsWith(':') && value !== 'host') return value;
  return refuseInvalid(node.at, `${value} can not be removed`);
});

/** The four fields that a route, a virtual host and a table of routes have. */
export const headerFields = {
  request_headers_to_add: repeated(addition),
  request_headers_to_remove: repeated(removal),
  response_headers_to_add: repeated(addition),
  response_headers_to_remove: repeated(removal),
};

export interface HeaderLevel {
  readonly request_headers_to_add: readonly (HeaderAddition | undefined)[];
  readonly request_headers_to_remove: readonly string[];
  readonly response_headers_to_add: readonly (HeaderAddition | undefined)[];
  readonly response_headers_to_remove: readonly string[];
}

/** What levels do one after the other, each removing first, as one. */
export function editsOf(levels: readonly HeaderLevel[], side: 'request' | 'response'): HeaderEdits {
  let add: HeaderAddition[] = [];
  const remove: string[] = [];
  for (const level of levels) {
    const removed = level[`${side}_headers_to_remove`];
    add = add.filter((each) => !removed.includes(each.name));
    remove.push(...removed);
    add.push(...level[`${side}_headers_to_add`].filter((each) => each !== undefined));
  }
  return { add, remove };
}
