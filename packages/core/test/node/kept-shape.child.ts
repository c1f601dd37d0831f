/**
 * Collects the garbage of each of the first exchanges, then tells which objects of one are made
 * without a dictionary. Arguments: the paths of an HTTP filter and of a TCP filter.
 */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { runInThisContext } from 'node:vm';

import { HttpContext } from '../../src/contexts/http-context.js';
import { TcpContext } from '../../src/contexts/tcp-context.js';
import { Exchange } from '../../src/node/exchange.js';
import { wasmFilter } from '../../src/node/index.js';
import { RequestEnd } from '../../src/node/request-end.js';
import { RequestHeaders } from '../../src/node/request-headers.js';
import { RequestTap } from '../../src/node/request-tap.js';
import { ResponseHeaders } from '../../src/node/response-headers.js';
import { ResponseTap } from '../../src/node/response-tap.js';
import { ResponseWriter } from '../../src/node/response-writer.js';
import { BodyBuffer } from '../../src/stream/body-buffer.js';
import { FilterStage } from '../../src/stream/filter-stage.js';
import { HeaderList } from '../../src/stream/header-list.js';
import { HttpStream } from '../../src/stream/http-stream.js';
import { StageBody } from '../../src/stream/stage-body.js';
import { Connection } from '../../src/tcp/connection.js';
import { DirectionStage } from '../../src/tcp/direction-stage.js';
import { tcpFilter } from '../../src/tcp/index.js';
import { TcpStream } from '../../src/tcp/tcp-stream.js';

const { gc: collectGarbage } = globalThis;
if (collectGarbage === undefined) throw new Error('run with --expose-gc --allow-natives-syntax');
// No parser but V8's knows this syntax.
const isFast = runInThisContext('(object) => %HasFastProperties(object)') as (o: object) => boolean;

const HTTP = [
  ...[Exchange, RequestEnd, RequestHeaders, RequestTap, ResponseTap, ResponseWriter],
  ...[ResponseHeaders, HeaderList, HttpStream, FilterStage, StageBody, BodyBuffer, HttpContext],
];
const TCP = [Connection, TcpStream, DirectionStage, TcpContext];

/** The objects that methods are called on from now on, one of each class. */
const met = new Map<string, object>();

/** Has a class's methods note their object. */
function watch({ name, prototype }: { name: string; prototype: object }): void {
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (key === 'constructor') continue;
    const { value, get } = property as { value?: unknown; get?: () => unknown };
    const native = get ?? value;
    if (typeof native !== 'function') continue;
    const noted = function (this: object, ...args: unknown[]): unknown {
      met.set(name, this);
      return native.apply(this, args) as unknown;
    };
    const noting = get === undefined ? { value: noted } : { get: noted };
    Object.defineProperty(prototype, key, { ...property, ...noting });
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const [httpCode = '', tcpCode = ''] = process.argv.slice(2);
const http = wasmFilter({ code: httpCode });
const tcp = tcpFilter({ code: tcpCode });
await Promise.all([http.ready(), tcp.ready()]);
const httpServer = createServer((req, res) => {
  http(req, res, () => req.pipe(res));
});
const tcpServer = createTcpServer((socket) => {
  tcp(socket, () => socket.pipe(socket));
});
const httpPort = await listening(httpServer);
const tcpPort = await listening(tcpServer);

async function exchange(): Promise<void> {
  const asked = request({ host: '127.0.0.1', port: httpPort, method: 'POST', agent: false });
  asked.end('body');
  const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  await text(answer);
  await text(connect(tcpPort, '127.0.0.1').end('bytes'));
}

for (let count = 0; count < 10; count += 1) {
  await exchange();
  await new Promise((resolve) => setTimeout(resolve, 5));
  collectGarbage();
}
for (const each of [...HTTP, ...TCP]) watch(each);
await exchange();
const told = [...HTTP, ...TCP].map(({ name }) => {
  const object = met.get(name);
  return [name, object === undefined ? 'not met' : isFast(object) ? 'fast' : 'dictionary'];
});
console.log(JSON.stringify(told));
process.exit();
