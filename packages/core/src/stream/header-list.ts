import { isPseudoHeader } from '../abi/header-syntax.js';
import type { HeaderMap } from '../vm/context.js';
import { keepShape } from '../vm/kept-shape.js';

/** Index of the first entry of a lower-case name in name, value, … of any case; -1 if absent. */
export function findHeader(flat: readonly string[], name: string, from = 0): number {
  if (name === '') return -1;
  for (let index = from; index < flat.length; index += 2) {
    const candidate = flat[index] as string;
    if (isSameHeaderName(candidate, name)) return index;
  }
  return -1;
}

/**
 * Whether a name of any case is this lower-case one. From the end, where names differ most; names
 * are ASCII, where bit 0x20 is the case of a letter.
 */
export function isSameHeaderName(candidate: string, lowerCase: string): boolean {
  if (candidate.length !== lowerCase.length) return false;
  if (candidate === lowerCase) return true;
  for (let index = lowerCase.length - 1; index >= 0; index -= 1) {
    const wanted = lowerCase.charCodeAt(index);
    const code = candidate.charCodeAt(index);
    if (code === wanted) continue;
    if ((code | 0x20) !== wanted || wanted < LOWER_A || wanted > LOWER_Z) return false;
  }
  return true;
}

const LOWER_A = 97;
const LOWER_Z = 122;

const NONE: string[] = [];

/**
 * A header map over a flat array of name, value, name, value, … in place: Node's own `rawHeaders`
 * can be given, names in the case they came in, and an edit happens in it. Pseudo headers that the
 * array does not hold stand apart; where there are any, the array's `host` entry is `:authority`
 * (Envoy's rule) and is found by either name.
 */
export class HeaderList implements HeaderMap {
  readonly #flat: string[];
  readonly #pseudo: string[];
  /** Names that were written, lower-case, with repeats; undefined while nothing was. */
  editedNames: string[] | undefined;
  /** Names may be gone that were there. */
  lost = false;

  readonly #apart: boolean;

  constructor(flat: string[] = [], pseudo?: string[]) {
    this.#flat = flat;
    this.#pseudo = pseudo ?? NONE;
    this.#apart = pseudo !== undefined;
  }

  get edited(): boolean {
    return this.editedNames !== undefined;
  }

  count(): number {
    return (this.#flat.length + this.#pseudo.length) >> 1;
  }

  get(name: string): string | undefined {
    const list = this.#listOf(name);
    const index = findHeader(list, this.#stored(name));
    return index < 0 ? undefined : list[index + 1];
  }

  values(name: string): string[] {
    const list = this.#listOf(name);
    const stored = this.#stored(name);
    const values: string[] = [];
    for (let index = findHeader(list, stored); index >= 0;) {
      values.push(list[index + 1] as string);
      index = findHeader(list, stored, index + 2);
    }
    return values;
  }

  add(name: string, value: string): void {
    this.#listOf(name).push(this.#stored(name), value);
    this.#edit(name);
  }

  replace(name: string, value: string): void {
    const list = this.#listOf(name);
    const index = findHeader(list, this.#stored(name));
    if (index < 0) list.push(this.#stored(name), value);
    else list[index + 1] = value;
    this.#edit(name);
  }

  remove(name: string): void {
    const list = this.#listOf(name);
    const stored = this.#stored(name);
    let index = findHeader(list, stored);
    if (index < 0) return;
    this.lost = true;
    for (; index >= 0; index = findHeader(list, stored, index)) list.splice(index, 2);
    this.#edit(name);
  }

  entries(): readonly string[] {
    const flat = this.#flat;
    const entries = this.#pseudo.slice();
    const host = this.#apart ? findHeader(flat, 'host') : -1;
    if (host >= 0) entries.unshift(':authority', flat[host + 1] as string);
    for (let index = 0; index < flat.length; index += 2) {
      if (index === host) continue;
      entries.push((flat[index] as string).toLowerCase(), flat[index + 1] as string);
    }
    return entries;
  }

  assign(entries: readonly string[]): void {
    const apart = this.#apart;
    this.lost = true;
    for (const list of [this.#pseudo, this.#flat]) {
      for (let index = 0; index < list.length; index += 2) {
        this.#edit((list[index] as string).toLowerCase());
      }
    }
    if (apart) this.#pseudo.length = 0;
    this.#flat.length = 0;
    for (let index = 0; index < entries.length; index += 2) {
      const name = entries[index] as string;
      const isApart = apart && isPseudoHeader(name) && name !== ':authority';
      const list = isApart ? this.#pseudo : this.#flat;
      list.push(apart && name === ':authority' ? 'host' : name, entries[index + 1] as string);
      this.#edit(name);
    }
  }

  #listOf(name: string): string[] {
    if (!this.#apart) return this.#flat;
    return isPseudoHeader(name) && name !== ':authority' ? this.#pseudo : this.#flat;
  }

  #stored(name: string): string {
    return this.#apart && name === ':authority' ? 'host' : name;
  }

  #edit(name: string): void {
    const stored = this.#stored(name);
    if (this.editedNames === undefined) this.editedNames = [stored];
    else this.editedNames.push(stored);
  }
}

keepShape(new HeaderList());
