import { describe, expect, it } from 'vitest';

import { Status } from '../../src/abi/types.js';
import { hostcallGuest, OUT, pairs, u32, type HostcallGuest } from '../support/hostcall-guest.js';

interface Call {
  service?: string;
  method?: string;
  metadata?: Uint8Array | string;
}

function inputs(guest: HostcallGuest, { service, method, metadata }: Call): number[] {
  const contents = ['up', service ?? 'test.Echo', method ?? 'Unary', metadata ?? ''];
  return contents.flatMap((content) => guest.put(content));
}

function call(guest: HostcallGuest, values: Call = {}): number {
  return guest.call('proxy_grpc_call', ...inputs(guest, values), ...guest.put('message'), 50, OUT);
}

function stream(guest: HostcallGuest, values: Call = {}): number {
  return guest.call('proxy_grpc_stream', ...inputs(guest, values), OUT);
}

const UP = Buffer.from('up');

describe('proxy_grpc_call and proxy_grpc_stream', () => {
  it('hand path, metadata and message to the context, and the id to the guest', async () => {
    const guest = await hostcallGuest();
    const metadata = pairs('X-A', '1', 'k-bin', 'AP8=', 'te', 'x', 'Host', 'h', 'connection', 'k');
    expect(call(guest, { metadata })).toBe(Status.OK);
    guest.expectWritten([OUT, u32(7)]);
    expect(stream(guest)).toBe(Status.OK);
    const message = Buffer.from('message');
    const path = '/test.Echo/Unary';
    const sent = ['x-a', '1', 'k-bin', 'AP8='];
    expect(guest.context.events).toEqual([
      ['grpc call', UP, { path, metadata: sent, authority: undefined }, message, 50],
      ['grpc stream', UP, { path, metadata: [], authority: undefined }],
    ]);
  });

  it.each<[string, Call]>([
    ['a service with a space', { service: 'a b' }],
    ['a method with a control character', { method: 'a\n' }],
    ['a value that is no ASCII', { metadata: pairs('a', 'h\xe9') }],
    ['a name that is none of gRPC', { metadata: pairs('a!', '1') }],
    ['a pseudo header', { metadata: pairs(':path', '/') }],
  ])('refuse %s, and say so', async (_what, values) => {
    const guest = await hostcallGuest();
    expect(call(guest, values)).toBe(Status.INTERNAL_FAILURE);
    guest.expectWritten();
    expect(stream(guest, values)).toBe(Status.INTERNAL_FAILURE);
    guest.expectWritten();
    expect(guest.context.logs).toHaveLength(2);
    expect(guest.context.events).toEqual([]);
  });

  it('write no id where the context answers otherwise', async () => {
    const guest = await hostcallGuest();
    guest.context.callStarted = { status: Status.PARSE_FAILURE, id: 0 };
    expect(call(guest)).toBe(Status.PARSE_FAILURE);
    guest.expectWritten();
    expect(stream(guest)).toBe(Status.PARSE_FAILURE);
    guest.expectWritten();
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11])('refuse an address outside: %i', async (index) => {
    const guest = await hostcallGuest();
    const values = [...inputs(guest, {}), ...guest.put('message'), 50, OUT];
    values[index] = -8;
    expect(guest.call('proxy_grpc_call', ...values)).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWritten();
    const streamValues = [...inputs(guest, {}), OUT];
    if (index <= 8) streamValues[index] = -8;
    else return;
    expect(guest.call('proxy_grpc_stream', ...streamValues)).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWritten();
  });
});

describe('proxy_grpc_send, proxy_grpc_cancel and proxy_grpc_close', () => {
  it('pass on what they are told', async () => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_grpc_send', -2, ...guest.put('m'), 0)).toBe(Status.OK);
    expect(guest.call('proxy_grpc_send', 6, ...guest.put(''), 2)).toBe(Status.OK);
    guest.context.callStarted = { status: Status.NOT_FOUND, id: 0 };
    expect(guest.call('proxy_grpc_cancel', -3)).toBe(Status.NOT_FOUND);
    expect(guest.call('proxy_grpc_close', 5)).toBe(Status.NOT_FOUND);
    expect(guest.context.events).toEqual([
      ['grpc send', 0xffff_fffe, Buffer.from('m'), false],
      ['grpc send', 6, Buffer.alloc(0), true],
      ['grpc cancel', 0xffff_fffd],
      ['grpc close', 5],
    ]);
  });

  it('refuse a message outside the memory', async () => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_grpc_send', 6, -8, 9, 0)).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.context.events).toEqual([]);
  });
});
