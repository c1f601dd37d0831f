import type { ConfigNode } from '../text/config-node.js';
import type { ReadContext } from './read-context.js';

/** Makes a value of a node, or throws with the node's position. */
export interface Read<T> {
  (node: ConfigNode, context: ReadContext): T;
  /** What it takes, for the guide's table. */
  readonly accepts?: string;
}

/** A reader that says what it takes. */
export function reader<T>(accepts: string, read: Read<T>): Read<T> {
  return Object.assign((node: ConfigNode, context: ReadContext) => read(node, context), {
    accepts,
  });
}

/** A field of a message, and what becomes of it here. */
export interface Field<T> {
  readonly read: Read<T>;
  /** What the message gets where the field is not there. */
  readonly absent: T;
  readonly isRequired: boolean;
  /** 'noted': taken, with a note that it does nothing here; 'label': it is for people. */
  readonly status: 'supported' | 'noted' | 'label';
  /** For the guide's table. */
  readonly remark: string;
}

/** A field that may be missing: undefined then. */
export function optional<T>(read: Read<T>, remark = ''): Field<T | undefined> {
  return { read, absent: undefined, isRequired: false, status: 'supported', remark };
}

export function withDefault<T>(read: Read<T>, absent: T, remark = ''): Field<T> {
  return { read, absent, isRequired: false, status: 'supported', remark };
}

export function required<T>(read: Read<T>, remark = ''): Field<T> {
  // What a required field is where it is not there is never asked for.
  return { read, absent: undefined as T, isRequired: true, status: 'supported', remark };
}

/** A repeated field. */
export function repeated<T>(read: Read<T>, remark = ''): Field<readonly T[]> {
  const readAll = reader<readonly T[]>(`list: ${read.accepts ?? ''}`, (node, context) => {
    return node.items().map((item) => read(item, context));
  });
  return { read: readAll, absent: [], isRequired: false, status: 'supported', remark };
}

/** A field whose value changes nothing here; it is not looked into. */
export function noted(remark: string): Field<undefined> {
  const read: Read<undefined> = (node, context) => {
    context.note(node.at, remark);
    return undefined;
  };
  return { read, absent: undefined, isRequired: false, status: 'noted', remark };
}

/** A field that names or describes something: what is done does not depend on it. */
export function label(remark: string): Field<undefined> {
  const read: Read<undefined> = () => undefined;
  return { read, absent: undefined, isRequired: false, status: 'label', remark };
}
