/** `google.protobuf.Any`: messages that say by `@type` what they are. */
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import type { ConfigNode } from '../text/config-node.js';
import { reader, type Read } from './field.js';

/** A message, its type told, with the wrappings taken off. */
export interface TypedNode {
  /** Without the part up to the last `/`. */
  readonly type: string;
  /** What says so. */
  readonly typeNode: ConfigNode;
  readonly value: ConfigNode;
}

/** A message in the form of a Struct, so that whoever passes it on need not know its type. */
const TYPED_STRUCTS = ['udpa.type.v1.TypedStruct', 'xds.type.v3.TypedStruct'];

export function isTypedStruct(type: string): boolean {
  return TYPED_STRUCTS.includes(type);
}

/** What a node says that it is; undefined: it has no `@type`. */
export function typeOf(node: ConfigNode): TypedNode | undefined {
  const typeNode = node.entries().find(({ key }) => key === '@type')?.value;
  if (typeNode === undefined) return undefined;
  return { type: typeName(typeNode), typeNode, value: node };
}

/** {@link typeOf}, of what a TypedStruct holds. */
export function unwrap(node: ConfigNode): TypedNode {
  if (!node.isMap) refuseInvalid(node.at, `must be a map with "@type", but is ${node.describe()}`);
  const typed = typeOf(node);
  if (typed === undefined) refuseInvalid(node.at, 'must have "@type", which says what it is');
  return isTypedStruct(typed.type) ? unwrapStruct(node) : typed;
}

function unwrapStruct(node: ConfigNode): TypedNode {
  let typeNode: ConfigNode | undefined;
  let value: ConfigNode | undefined;
  for (const { key, keyAt, value: entry } of node.entries()) {
    if (key === 'type_url' || key === 'typeUrl') typeNode = entry;
    else if (key === 'value') value = entry;
    else if (key !== '@type')
      refuseInvalid(
        keyAt,
        `TypedStruct has no field ${JSON.stringify(key)}; it has type_url, value`,
      );
  }
  if (typeNode === undefined) refuseInvalid(node.at, 'TypedStruct must have type_url');
  if (value === undefined) refuseInvalid(node.at, 'TypedStruct must have value');
  return { type: typeName(typeNode), typeNode, value };
}

function typeName(node: ConfigNode): string {
  const value = node.scalar();
  if (typeof value === 'string' && value !== '') return value.replace(/^.*\//, '');
  refuseInvalid(node.at, `must be a type, like type.googleapis.com/…, but is ${node.describe()}`);
}

/**
 * Reads what is one of a few types.
 *
 * @param readers by type, without `type.googleapis.com/`
 */
export function oneOfTypes<T>(readers: Readonly<Record<string, Read<T>>>): Read<T> {
  return reader(Object.keys(readers).join(', '), (node, context) => {
    const typed = unwrap(node);
    const read = Object.hasOwn(readers, typed.type) ? readers[typed.type] : undefined;
    if (read !== undefined) return read(typed.value, context);
    const supported = Object.keys(readers).join(', ');
    refuseUnsupported(
      typed.typeNode.at,
      `${typed.type} is not supported; supported here: ${supported}`,
    );
  });
}
