import { isAlias, isMap, isScalar, isSeq, Scalar, type Node, type Pair } from 'yaml';
import type { JsonValue } from '@proxy-wasm-node/core';

import type { ConfigPosition } from '../position.js';
import { refuseInvalid } from '../refusals.js';
import { yamlScalar, type ScalarValue } from './scalar-value.js';
import type { TextSource } from './text-source.js';

/** Deeper than any configuration. */
const MAX_DEPTH = 100;

export interface ConfigEntry {
  readonly key: string;
  readonly keyAt: ConfigPosition;
  readonly value: ConfigNode;
}

interface Where {
  readonly path: string;
  readonly depth: number;
  readonly offset: number;
}

/** One value of a configuration's text. Aliases lead to what they stand for. */
export class ConfigNode {
  /** Where it begins: with an alias, the alias. */
  readonly at: ConfigPosition;
  readonly #node: Node | null;
  readonly #source: TextSource;
  readonly #depth: number;

  /** @param where its path, how deep it is, and where it would be if there is no node */
  constructor(node: Node | null, source: TextSource, { path, depth, offset }: Where) {
    this.at = source.position(node?.range?.[0] ?? offset, path);
    this.#source = source;
    this.#depth = depth;
    this.#node = resolve(node, source);
    source.count(() => this.at);
    if (depth > MAX_DEPTH) refuseInvalid(this.at, `nested deeper than ${String(MAX_DEPTH)} levels`);
  }

  /** JSON's text, or YAML's. */
  get isJson(): boolean {
    return this.#source.isJson;
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** Nothing, or `null`: for every field but a Struct's the same as if it were not there. */
  get isNull(): boolean {
    return !this.isMap && !this.isList && this.scalar() === null;
  }

  /** A scalar's value; undefined: it is none. */
  scalar(): ScalarValue | undefined {
    if (this.#node === null) return null;
    if (!isScalar(this.#node)) return undefined;
    const { value, type, source, tag } = this.#node;
    if (this.#source.isJson) return value as ScalarValue;
    const isPlain = type === Scalar.PLAIN && tag === undefined && source !== undefined;
    return isPlain ? yamlScalar(source) : String(value);
  }

  /** Whether it looks like a number, but is text to Envoy. */
  get isUnquotedNumber(): boolean {
    if (this.isJson || !isScalar(this.#node) || this.#node.type !== Scalar.PLAIN) return false;
    return typeof this.#node.value === 'number' && typeof this.scalar() === 'string';
  }

  /** A list's items; a single value is a list of one, as Envoy's reader has it. */
  items(): ConfigNode[] {
    if (!isSeq(this.#node)) return this.isNull ? [] : [this];
    return this.#node.items.map((item, index) => {
      return this.#child(item as Node | null, `${this.at.path}[${String(index)}]`);
    });
  }

  /** A map's entries, in order; without those whose key Envoy is told to ignore. */
  entries(): ConfigEntry[] {
    if (!isMap(this.#node)) return [];
    const pairs = this.#node.items as Pair<Node, Node | null>[];
    return pairs.flatMap((pair) => {
      const keyAt = this.#source.position(pair.key.range?.[0] ?? 0, this.at.path);
      if (!isScalar(pair.key)) refuseInvalid(keyAt, 'a key must be text');
      if (pair.key.tag === '!ignore') return [];
      const key = String(pair.key.source ?? pair.key.value);
      const end = pair.key.range?.[1] ?? 0;
      return [{ key, keyAt, value: this.#child(pair.value, joinPath(this.at.path, key), end) }];
    });
  }

  /** As JSON, for what Envoy keeps in a `google.protobuf.Struct`. */
  toJson(): JsonValue {
    if (isSeq(this.#node)) return this.items().map((item) => item.toJson());
    if (isMap(this.#node)) {
      return Object.fromEntries(this.entries().map(({ key, value }) => [key, value.toJson()]));
    }
    const value = this.scalar();
    if (typeof value === 'number' && !Number.isFinite(value)) {
      refuseInvalid(this.at, 'a Struct has only finite numbers');
    }
    return value ?? null;
  }

  /** In words, for messages; text only where it is short, since it may be a secret. */
  describe(): string {
    if (this.isMap) return 'a map';
    if (this.isList) return 'a list';
    const value = this.scalar();
    if (value === null || value === undefined) return 'nothing';
    if (typeof value === 'boolean') return describeFlag(value, this.#node);
    if (typeof value !== 'string') return String(value);
    return value.length <= 40 ? JSON.stringify(value) : 'a long text';
  }

  #child(node: Node | null, path: string, offset = 0): ConfigNode {
    return new ConfigNode(node, this.#source, { path, depth: this.#depth + 1, offset });
  }
}

function resolve(node: Node | null, source: TextSource): Node | null {
  let resolved = node;
  while (isAlias(resolved)) resolved = source.aliases.get(resolved) ?? null;
  return resolved;
}

/** YAML 1.1 has many words for it. */
function describeFlag(value: boolean, node: Node | null): string {
  const word = isScalar(node) ? (node.source ?? '') : '';
  return word === String(value) ? word : `${word}, which is ${String(value)} to Envoy`;
}

function joinPath(path: string, key: string): string {
  const step = /^[\w@]+$/.test(key) ? key : JSON.stringify(key);
  if (step !== key) return `${path}[${step}]`;
  return path === '' ? key : `${path}.${key}`;
}
