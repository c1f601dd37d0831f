import type { ConfigPosition } from '../position.js';
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import type { ConfigEntry, ConfigNode } from '../text/config-node.js';
import { reader, type Field, type Read } from './field.js';
import { nearestOf } from './nearest.js';
import type { ReadContext } from './read-context.js';

type Fields = Readonly<Record<string, Field<unknown>>>;

/** What a message comes to: its fields' values, and where they stand. */
export type Values<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never;
} & {
  readonly at: ConfigPosition;
  /** Where a field's value stands; where the message does, if the field is not there. */
  readonly placeOf: (name: keyof F & string) => ConfigPosition;
  readonly has: (name: keyof F & string) => boolean;
};

/** One of Envoy's messages, as far as it is taken here. */
export interface Message<F extends Fields = Fields> {
  /** Its name in Envoy's API. */
  readonly name: string;
  readonly fields: F;
  /** Fields that Envoy has and this host has not. */
  readonly unsupported: readonly string[];
  /** Groups of fields of which one must be given (`exactly`), or can be. */
  readonly groups: readonly FieldGroup[];
  readonly read: Read<Values<F>>;
}

interface FieldGroup {
  readonly names: readonly string[];
  readonly isRequired: boolean;
}

interface Shape<F extends Fields> {
  readonly fields: F;
  readonly unsupported?: readonly string[];
  /** Of each of these one must be given. */
  readonly exactlyOne?: readonly (readonly string[])[];
  /** Of each of these one can be given. */
  readonly atMostOne?: readonly (readonly string[])[];
}

/** A message, by its name in Envoy's API. Field names are those of the `.proto` file. */
export function message<F extends Fields>(name: string, shape: Shape<F>): Message<F> {
  const { fields, unsupported = [], exactlyOne = [], atMostOne = [] } = shape;
  const groups: FieldGroup[] = [
    ...exactlyOne.map((names) => ({ names, isRequired: true })),
    ...atMostOne.map((names) => ({ names, isRequired: false })),
  ];
  const self: Message<F> = {
    ...{ name, fields, unsupported, groups },
    read: reader(name, (node, context) => readMessage(self, node, context)),
  };
  return self;
}

/** A message, and what is made of it. */
export function mapped<F extends Fields, T>(
  source: Message<F>,
  map: (values: Values<F>, context: ReadContext) => T,
): Read<T> {
  return reader(source.name, (node, context) => map(source.read(node, context), context));
}

function readMessage<F extends Fields>(
  self: Message<F>,
  node: ConfigNode,
  context: ReadContext,
): Values<F> {
  if (!node.isMap) {
    refuseInvalid(node.at, `must be a map (${self.name}), but is ${node.describe()}`);
  }
  const given = givenFields(self, node);
  for (const group of self.groups) checkGroup(self, group, given, node.at);
  const values: Record<string, unknown> = {};
  // In the schema's order, not the text's: listeners need the clusters.
  for (const [name, field] of Object.entries(self.fields)) {
    const entry = given.get(name);
    if (entry === undefined && field.isRequired) {
      refuseInvalid(node.at, `${self.name} must have the field ${name}`);
    }
    values[name] = entry === undefined ? field.absent : field.read(entry.value, context);
  }
  const placeOf = (name: string): ConfigPosition => given.get(name)?.value.at ?? node.at;
  const has = (name: string): boolean => given.has(name);
  return { ...values, at: node.at, placeOf, has } as unknown as Values<F>;
}

/** Entries by field name; those that are null count as missing. */
function givenFields(self: Message, node: ConfigNode): Map<string, ConfigEntry> {
  const given = new Map<string, ConfigEntry>();
  const seen = new Set<string>();
  for (const entry of node.entries()) {
    if (entry.key === '@type') continue; // its reader has looked at it
    const name = fieldOf(self, entry);
    if (seen.has(name)) refuseInvalid(entry.keyAt, `${name} is given twice, in two spellings`);
    seen.add(name);
    if (!entry.value.isNull) given.set(name, entry);
  }
  return given;
}

/** Envoy takes a field's name as in the `.proto` file, and as protobuf's JSON has it. */
function fieldOf(self: Message, { key, keyAt, value }: ConfigEntry): string {
  if (Object.hasOwn(self.fields, key)) return key;
  const name = key.includes('_') ? key : key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  if (Object.hasOwn(self.fields, name)) return name;
  const known = Object.keys(self.fields);
  if (self.unsupported.includes(name)) {
    const there =
      known.length === 0
        ? 'none of its fields is'
        : `of ${self.name}, these are: ${known.join(', ')}`;
    const at = { ...keyAt, path: value.at.path };
    // Before Envoy's API v3 a filter's type was its name, and its configuration was `config`.
    const hint = name === 'config' ? 'give typed_config, whose "@type" says what it is' : there;
    refuseUnsupported(at, `this field is not supported here; ${hint}`);
  }
  if (key === '<<') {
    refuseInvalid(
      keyAt,
      'Envoy has no merge keys (<<): write the fields out, or give an alias as a value',
    );
  }
  const nearest = nearestOf(name, [...known, ...self.unsupported]);
  const hint =
    nearest !== undefined
      ? `did you mean ${nearest}?`
      : known.length === 0
        ? 'it has none here'
        : `it has ${known.join(', ')}`;
  const text = `${self.name} has no field ${JSON.stringify(key)}; ${hint}`;
  refuseInvalid(keyAt, text);
}

function checkGroup(
  self: Message,
  { names, isRequired }: FieldGroup,
  given: ReadonlyMap<string, ConfigEntry>,
  at: ConfigPosition,
): void {
  const found = names.filter((name) => given.has(name));
  if (found.length > 1) {
    refuseInvalid(
      at,
      `of ${names.join(', ')} only one can be given, but there are ${found.join(' and ')}`,
    );
  }
  if (found.length === 0 && isRequired) {
    const choice = names.length === 1 ? String(names[0]) : `one of ${names.join(', ')}`;
    refuseInvalid(at, `${self.name} must have ${choice}`);
  }
}
