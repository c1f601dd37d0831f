import { describe, expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import type { LocalResponse } from '../../src/vm/context.js';
import { hostcallGuest, pairs, type HostcallGuest } from '../support/hostcall-guest.js';

interface Sent {
  statusCode?: number;
  details?: string;
  body?: string;
  headers?: Uint8Array;
  grpcStatus?: number;
}

function send(guest: HostcallGuest, sent: Sent): LocalResponse {
  const { statusCode = 200, details = '', body = '', headers = '', grpcStatus = -1 } = sent;
  const values = [...guest.put(details), ...guest.put(body), ...guest.put(headers)];
  const status = guest.call('proxy_send_local_response', statusCode, ...values, grpcStatus);
  expect(status).toBe(Status.OK);
  guest.expectWritten();
  return guest.context.events.at(-1) as LocalResponse;
}

describe('proxy_send_local_response', () => {
  it('passes everything on, in bytes that stay', async () => {
    const guest = await hostcallGuest();
    const response = send(guest, {
      statusCode: 401,
      details: 'no such user',
      body: 'who are you?',
      headers: pairs('WWW-Authenticate', 'Basic', 'set-cookie', 'a=1', 'set-cookie', 'b=2'),
      grpcStatus: 16,
    });
    guest.memory.fill(0, 4096);
    expect(response).toMatchObject({
      statusCode: 401,
      details: 'no_such_user',
      headers: ['www-authenticate', 'Basic', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
      grpcStatus: 16,
    });
    expect(Buffer.from(response.body).toString()).toBe('who are you?');
  });

  it('may be empty', async () => {
    const guest = await hostcallGuest();
    const response = send(guest, {});
    expect(response).toMatchObject({ statusCode: 200, details: '', headers: [], grpcStatus: -1 });
    expect(response.body).toHaveLength(0);
  });

  it.each([0, 1, 100, 101, 199, 1000, -1])('sends 500 for the status %d', async (statusCode) => {
    const guest = await hostcallGuest();
    expect(send(guest, { statusCode }).statusCode).toBe(500);
    expect(guest.context.logs).toMatchObject([[LogLevel.ERROR, expect.stringContaining('500')]]);
  });

  it.each([200, 418, 599, 999])('sends the status %d', async (statusCode) => {
    const guest = await hostcallGuest();
    expect(send(guest, { statusCode }).statusCode).toBe(statusCode);
    expect(guest.context.logs).toEqual([]);
  });

  it('leaves out headers that HTTP does not allow, and says so', async () => {
    const guest = await hostcallGuest();
    const headers = pairs(':status', '204', 'a b', 'c', 'x', 'a\r\nset-cookie: b', 'ok', 'ok');
    expect(send(guest, { headers }).headers).toEqual(['ok', 'ok']);
    expect(guest.context.logs).toHaveLength(3);
  });

  it('takes malformed pairs for none', async () => {
    const guest = await hostcallGuest();
    expect(send(guest, { headers: Buffer.from('????????') }).headers).toEqual([]);
  });

  it.each([0, 1, 2])('sends nothing where argument %d is outside the memory', async (index) => {
    const guest = await hostcallGuest();
    const values = [0, 0, 0, 0, 0, 0];
    values[index * 2] = -4;
    values[index * 2 + 1] = 8;
    const status = guest.call('proxy_send_local_response', 200, ...values, -1);
    expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.context.events).toEqual([]);
  });
});
