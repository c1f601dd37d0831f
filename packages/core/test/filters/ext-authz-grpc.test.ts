/** The filter ext-authz-grpc against a real authorisation service, on node:http. */
import { createServer } from 'node:http';

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';

import { createHost, type Host } from '../../src/index.js';
import { wasmFilter } from '../../src/node/index.js';
import { atTestEnd, listen } from '../support/calling-plugin.js';
import { recordLog } from '../support/record-log.js';

const code = new URL(
  '../../../../examples/filters/ext-authz-grpc/ext-authz-grpc.wasm',
  import.meta.url,
);
const same = (bytes: Buffer): Buffer => bytes;

interface Asked {
  method: string;
  path: string;
  host: string;
  headers: Record<string, string>;
}

/** Fields of one message: numbers as they are, everything else as bytes. */
function readFields(bytes: Uint8Array): [number, Uint8Array][] {
  const reader = new BinaryReader(bytes);
  const fields: [number, Uint8Array][] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    expect(type).toBe(WireType.LengthDelimited);
    fields.push([field, reader.bytes()]);
  }
  return fields;
}

function readCheckRequest(bytes: Uint8Array): Asked {
  const inner = (message: Uint8Array, field: number): Uint8Array =>
    readFields(message).find(([number]) => number === field)?.[1] ?? new Uint8Array(0);
  const http = inner(inner(inner(bytes, 1), 4), 2);
  const text = (message: Uint8Array, field: number): string =>
    Buffer.from(inner(message, field)).toString();
  const headers = readFields(http).filter(([field]) => field === 3);
  return {
    method: text(http, 2),
    path: text(http, 4),
    host: text(http, 5),
    headers: Object.fromEntries(headers.map(([, entry]) => [text(entry, 1), text(entry, 2)])),
  };
}

/** A HeaderValueOption. */
const option = (key: string, value: string, append = false): Uint8Array => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(key);
  writer.tag(2, WireType.LengthDelimited).string(value).join();
  if (append) {
    writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.Varint).bool(true).join();
  }
  return writer.finish();
};

function allowed(user: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(0).join();
  writer.tag(3, WireType.LengthDelimited).fork();
  writer.tag(2, WireType.LengthDelimited).bytes(option('X-Auth-User', user));
  writer.tag(2, WireType.LengthDelimited).bytes(option('x-role', 'reader', true));
  writer.tag(5, WireType.LengthDelimited).string('authorization').join();
  return writer.finish();
}

function denied(): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(16).join();
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(401).join();
  writer.tag(2, WireType.LengthDelimited).bytes(option('www-authenticate', 'Bearer'));
  writer.tag(3, WireType.LengthDelimited).string('who are you?').join();
  return writer.finish();
}

/** Allows "Bearer <name>", denies others, and misbehaves where it is told to. */
async function authorizationService() {
  const asked: Asked[] = [];
  const check = (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
    const request = readCheckRequest(call.request);
    asked.push(request);
    const { authorization = '' } = request.headers;
    if (authorization === 'hang') return;
    if (authorization === 'fail') reply({ code: 13, details: 'broken' });
    else if (authorization === 'garbage') reply(null, Buffer.from([0xff]));
    else if (authorization === 'split') reply(null, Buffer.from(allowed('a\r\nb: c')));
    else if (authorization.startsWith('Bearer ')) {
      reply(null, Buffer.from(allowed(authorization.slice(7))));
    } else reply(null, Buffer.from(denied()));
  };
  const server = new Server();
  const path = '/envoy.service.auth.v3.Authorization/Check';
  const method = {
    ...{ path, requestStream: false, responseStream: false },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
  server.addService({ Check: method }, { Check: check });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  atTestEnd(() => {
    server.forceShutdown();
  });
  return { asked, url: `http://127.0.0.1:${String(port)}` };
}

/** A server behind the filter; its app says which headers it got. */
async function start(authz: string, timeoutMs = 10_000) {
  const log = recordLog('info');
  const host: Host = createHost({ upstreams: { authz }, logger: log.logger });
  atTestEnd(() => host.close());
  const configuration = { upstream: 'authz', timeoutMs };
  const filter = wasmFilter(await host.createPlugin({ code, configuration }));
  const server = createServer((req, res) => {
    filter(req, res, () => {
      const { authorization, 'x-auth-user': user, 'x-role': role } = req.headers;
      res.end(JSON.stringify({ authorization, user, role }));
    });
  });
  const url = `http://127.0.0.1:${String(await listen(server))}`;
  const get = async (headers: Record<string, string> = {}, path = '/a?b=c') => {
    const response = await fetch(url + path, { headers });
    return { response, status: response.status, body: await response.text() };
  };
  return { get, log };
}

describe('ext-authz-grpc', () => {
  it('asks in Envoy’s words, and sets what the service says', async () => {
    const { asked, url } = await authorizationService();
    const { get } = await start(url);
    const headers = { authorization: 'Bearer ann', 'x-auth-user': 'root', 'x-role': 'writer' };
    const { status, body } = await get(headers);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ user: 'ann', role: 'writer, reader' });
    expect(asked).toMatchObject([
      { method: 'GET', path: '/a?b=c', host: expect.stringMatching(/^127/), headers: headers },
    ]);
  });

  it('answers with what the service denies by', async () => {
    const { get } = await start((await authorizationService()).url);
    const { response, status, body } = await get();
    expect([status, body]).toEqual([401, 'who are you?']);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each(['hang', 'fail', 'garbage', 'split'])('lets nobody pass at: %s', async (how) => {
    const service = await authorizationService();
    const { get, log } = await start(service.url, how === 'hang' ? 200 : undefined);
    const { status, body } = await get({ authorization: how });
    expect([status, body]).toEqual([503, '503 Service Unavailable\n']);
    expect(log.texts('error')).toEqual([expect.stringContaining('the call to "authz" failed')]);
    // The plugin lives. A service that is slow for a moment is one that hangs, where little time is given.
    const allowed = { authorization: 'Bearer bob' };
    await expect.poll(async () => (await get(allowed)).status).toBe(200);
  });

  it('lets nobody pass where there is no service', async () => {
    const { get, log } = await start('http://127.0.0.1:1');
    expect((await get()).status).toBe(503);
    expect(log.texts('error')[0]).toContain('status 14');
  });

  it('keeps requests apart', async () => {
    const { get } = await start((await authorizationService()).url);
    const names = Array.from({ length: 200 }, (_, index) => `user${String(index)}`);
    const replies = names.map((name) => get({ authorization: `Bearer ${name}` }));
    const users = (await Promise.all(replies)).map(({ body }) => JSON.parse(body) as object);
    expect(users).toEqual(names.map((user) => ({ user, role: 'reader' })));
  });
});
