import type { JsonValue, PropertyValue } from '@proxy-wasm-node/core';

import { refuseInvalid } from '../refusals.js';
import { reader } from './field.js';

type JsonObject = Readonly<Record<string, JsonValue>>;
export type PropertyObject = Readonly<Record<string, PropertyValue>>;

/** `google.protobuf.Struct`. */
export const struct = reader<JsonObject>('map', (node) => {
  if (!node.isMap) refuseInvalid(node.at, `must be a map, but is ${node.describe()}`);
  return node.toJson() as JsonObject;
});

/** A Struct as a property. What is null in it is not there. */
export const structProperty = reader<PropertyObject>('map', (node, context) => {
  return propertyOf(struct(node, context)) as PropertyObject;
});

function propertyOf(json: JsonValue): PropertyValue {
  if (typeof json === 'number') return doubleBytes(json);
  if (typeof json !== 'object' || json === null) return json ?? '';
  if (Array.isArray(json)) return (json as readonly JsonValue[]).map(propertyOf);
  const entries = Object.entries(json as JsonObject).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, propertyOf(value)]));
}

/** Numbers of a Struct are doubles, whole ones too. */
function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}
