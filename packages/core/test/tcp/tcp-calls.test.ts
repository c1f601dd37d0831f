/** What filters of TCP connections ask of the host: calls, properties, shared state. */
import { describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { connectionState } from '../../src/tcp/index.js';
import { serveTcp, startTcpFilters, TcpClient } from '../support/tcp-server.js';

const DOWNSTREAM = 2;
const ASK: Operation = { httpCall: { upstream: 'authz' } };

describe('an HTTP call', () => {
  it('decides about the new connection while the client already sends', async () => {
    let asked = 0;
    const filters = await startTcpFilters(
      [
        {
          callbacks: {
            proxy_on_new_connection: [ASK, { return: 1 }],
            proxy_on_downstream_data: [{ logSizeAndEnd: true }],
            proxy_on_http_call_response: [
              { logHeader: [6, ':status'] },
              { asCaller: true },
              { continueStream: DOWNSTREAM },
            ],
          },
        },
      ],
      {
        upstreams: {
          authz: async () => {
            asked += 1;
            return new Response('yes', { status: 202 });
          },
        },
      },
    );
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('hello');
    await vi.waitFor(() => expect(client.text).toBe('hello'));
    expect(filters.logs()).toEqual(['202', '5 0']);
    expect(asked).toBe(1);
  });

  it('closes a connection that is refused, in the answer', async () => {
    const filters = await startTcpFilters(
      [
        {
          callbacks: {
            proxy_on_downstream_data: [ASK, { return: 1 }],
            proxy_on_http_call_response: [{ asCaller: true }, { closeStream: DOWNSTREAM }],
          },
        },
      ],
      { upstreams: { authz: () => new Response(null, { status: 403 }) } },
    );
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('hello');
    await client.ended();
    expect(app.received()).toBe('');
    expect(filters.contexts()).toEqual({ created: 1, deleted: 1 });
  });

  it('whose answer comes after the connection has gone is told all the same', async () => {
    let answer: (response: Response) => void = () => undefined;
    const filters = await startTcpFilters(
      [
        {
          callbacks: {
            proxy_on_new_connection: [ASK],
            proxy_on_http_call_response: [
              { asCaller: true },
              { logStatus: true },
              { continueStream: DOWNSTREAM },
              { closeStream: DOWNSTREAM },
            ],
          },
        },
      ],
      { upstreams: { authz: () => new Promise<Response>((resolve) => (answer = resolve)) } },
    );
    const app = await serveTcp(filters.filter, (socket) => socket.end());
    const client = new TcpClient(app.port);
    await client.ended();
    await vi.waitFor(() => expect(filters.streams()).toBe(0));
    answer(new Response('late'));
    // The context is no more: BAD_ARGUMENT.
    await vi.waitFor(() => expect(filters.logs()).toEqual(['status 2']));
    expect(filters.errors()).toEqual([]);
  });

  it('in which the VM dies settles the connection that waits', async () => {
    const filters = await startTcpFilters(
      [
        {
          callbacks: {
            proxy_on_new_connection: [ASK, { return: 1 }],
            proxy_on_http_call_response: [{ trap: true }],
          },
          options: { failurePolicy: 'fail-closed' },
        },
      ],
      { upstreams: { authz: () => new Response('') } },
    );
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    await client.ended();
    expect(app.sockets).toHaveLength(0);
    expect(filters.plugins[0]?.state).toBe('failed');
  });
});

describe('properties', () => {
  it('tell the two ends of the connection, and what filters and the app have put there', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_new_connection: [
            { logProperty: ['source', 'address'] },
            { logProperty: ['destination', 'address'] },
            { logProperty: ['upstream', 'address'] },
            { logProperty: ['request', 'path'] },
            { logProperty: ['plugin_name'] },
            { logProperty: ['cluster_name'] },
            { setProperty: ['tenant', 'blue'] },
            { setProperty: ['source', 'mine'] },
          ],
        },
        options: { properties: { cluster_name: 'cards' } },
      },
      { callbacks: { proxy_on_new_connection: [{ logProperty: ['tenant'] }] } },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.resume());
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(app.sockets).toHaveLength(1));
    const [socket] = app.sockets;
    expect(filters.logs()).toEqual([
      `127.0.0.1:${String(client.socket.localPort)}`,
      `127.0.0.1:${String(app.port)}`,
      ...['status 1', 'status 1', 'guest', 'cards', 'blue'],
    ]);
    const state = socket === undefined ? new Map<string, Uint8Array>() : connectionState(socket);
    expect(state.get('tenant')?.toString()).toBe(Buffer.from('blue').toString());
    expect(connectionState(client.socket).size).toBe(0);
  });
});

describe('hostcalls of HTTP', () => {
  it('have nothing to act on', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: {
          proxy_on_new_connection: [
            { logHeader: [0, ':path'] },
            { logPairs: 0 },
            { logBuffer: [0] },
            { continueStream: 0 },
            { logStatus: true },
            { closeStream: 1 },
            { logStatus: true },
            { localResponse: { status: 403 } },
            { logStatus: true },
          ],
        },
      },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe('a'));
    expect(filters.logs()).toEqual(['status 2', '', '', 'status 0', 'status 0', 'status 0']);
  });
});
