/** Protobuf messages of a few scalar fields, which Envoy's foreign functions take and give. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

import { Status } from '../../abi/types.js';
import { messageOf } from '../../errors.js';
import { ForeignFailure } from './caller.js';

/** Values by field number, as they come: bytes of length-delimited fields, numbers of varints. */
export class Message {
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #numbers = new Map<number, number>();

  /** @throws ForeignFailure BAD_ARGUMENT where the bytes are no message */
  constructor(encoded: Uint8Array) {
    try {
      this.#read(new BinaryReader(encoded));
    } catch (error) {
      const text = `its argument is not the protobuf message it takes: ${messageOf(error)}`;
      throw new ForeignFailure(Status.BAD_ARGUMENT, text);
    }
  }

  /** Empty where the field is absent. */
  bytes(field: number): Uint8Array {
    return this.#bytes.get(field) ?? new Uint8Array(0);
  }

  text(field: number): string {
    return Buffer.from(this.bytes(field)).toString('utf8');
  }

  /** 0 where the field is absent. */
  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  #read(reader: BinaryReader): void {
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (wireType === WireType.LengthDelimited) this.#bytes.set(field, reader.bytes());
      else if (wireType === WireType.Varint) this.#numbers.set(field, reader.uint32());
      else reader.skip(wireType, field);
    }
  }
}

/** A message of these fields, in this order; what is empty or false is left out. */
export function encodeMessage(
  ...fields: (readonly [field: number, value: Uint8Array | string | boolean])[]
): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of fields) {
    if (typeof value === 'boolean') {
      if (value) writer.tag(field, WireType.Varint).bool(value);
    } else if (value.length > 0) {
      writer.tag(field, WireType.LengthDelimited);
      if (typeof value === 'string') writer.string(value);
      else writer.bytes(value);
    }
  }
  return writer.finish();
}
