import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseGrpcService } from '../../src/abi/grpc-service.js';

/** A field of bytes, as protobuf writes it: a tag, a length (both short here), the bytes. */
const field = (number: number, ...content: (Uint8Array | string)[]): Buffer => {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
};
const NOTHING_ELSE = { authority: undefined, metadata: [] };

describe('a GrpcService', () => {
  it('names a cluster, with authority and metadata', () => {
    const bytes = Buffer.concat([
      field(1, field(1, 'outbound|80||a'), field(2, 'a.test')),
      field(3, Buffer.from([8, 5])),
      field(5, field(1, 'X-A'), field(2, '1')),
      field(5, field(2, '2'), field(1, 'b')),
    ]);
    expect(parseGrpcService(bytes)).toEqual({
      name: 'outbound|80||a',
      authority: 'a.test',
      metadata: ['x-a', '1', 'b', '2'],
    });
  });

  it('names a target', () => {
    const service = field(2, field(1, 'dns:///a.test:443'), field(4, 'prefix'));
    expect(parseGrpcService(service)).toEqual({ name: 'dns:///a.test:443', ...NOTHING_ELSE });
  });

  it('may have fields of other kinds, which are skipped', () => {
    const others = Buffer.concat([
      Buffer.from([9 * 8 + 0, 0x96, 0x01]),
      Buffer.from([10 * 8 + 5, 1, 2, 3, 4]),
      Buffer.from([11 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([0xfa, 0x01, 0]),
    ]);
    const bytes = Buffer.concat([others, field(1, others, field(1, 'a')), others]);
    expect(parseGrpcService(bytes)).toEqual({ name: 'a', ...NOTHING_ELSE });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a name', Buffer.from('outbound|80||service')],
    ['another message', field(7, 'x')],
    ['one without a name', field(1, field(2, 'authority'))],
    ['one that is cut off', field(1, field(1, 'abc')).subarray(0, 6)],
    ['a length past the end', Buffer.from([10, 100, 1])],
    ['an endless number', Buffer.from(new Array<number>(20).fill(0xff))],
    ['a group', Buffer.from([8 + 3, 8 + 4])],
    ['the field 0', Buffer.from([2, 0])],
    ['a bad field inside', Buffer.concat([field(1, field(1, 'a'), Buffer.from([8 + 3]))])],
  ])('is not %s', (_what, bytes) => {
    expect(parseGrpcService(bytes)).toBeUndefined();
  });

  it('is read without harm, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(typeof (parseGrpcService(bytes)?.name ?? '')).toBe('string');
      }),
      { numRuns: 2000 },
    );
  });
});
