/**
 * V8 settles how many properties the objects of a class have room for when it makes the seventh, by
 * the hidden classes that are alive then. Those go with the last object that has them. So where the
 * garbage of the first few exchanges is collected between one and the next, as in a server that is
 * asked only now and then, all room is taken away: the properties end in a dictionary, and every
 * exchange costs several times as much for as long as the process lives. One object that stays
 * prevents it. @see docs/decisions.md
 */
const kept: object[] = [];

/** Keeps one object of a class that each exchange makes. Nothing is ever done with it. */
export function keepShape(object: object): void {
  kept.push(object);
}
