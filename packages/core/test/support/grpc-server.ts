/** A gRPC server on raw bytes; its methods do what their messages and metadata say. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';

import { tls } from '../../../conformance/src/tls/index.js';
import { atTestEnd } from './calling-plugin.js';

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Bidi = ServerDuplexStream<Buffer, Buffer>;

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream = requestStream) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

interface GrpcEvents {
  /** Metadata of the calls that came, as name, value, …. */
  metadata: string[][];
  /** What happened: "cancelled", "half-closed", …. */
  events: string[];
}

/** Listens; answers its URL and what it saw. Ends with the test. */
export async function grpcServer(options: { secure?: boolean; asksForCertificate?: boolean } = {}) {
  const seen: GrpcEvents = { metadata: [], events: [] };
  const server = new Server();
  server.addService(
    {
      Unary: method('Unary', false),
      Bidi: method('Bidi', true),
      Upload: method('Upload', true, false),
      Download: method('Download', false, true),
    },
    {
      Upload: upload,
      Download: download,
      Unary: (call: Unary, reply: sendUnaryData<Buffer>) => {
        unary(call, reply, seen);
      },
      Bidi: (call: Bidi) => {
        bidi(call, seen);
      },
    },
  );
  const asks = options.asksForCertificate === true;
  const key = Buffer.from(tls.key);
  const chain = Buffer.from(tls.cert);
  const credentials =
    options.secure === true
      ? ServerCredentials.createSsl(
          asks ? chain : null,
          [{ private_key: key, cert_chain: chain }],
          asks,
        )
      : ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  atTestEnd(() => {
    server.forceShutdown();
  });
  const url =
    options.secure === true
      ? `https://localhost:${String(port)}`
      : `http://127.0.0.1:${String(port)}`;
  return { ...seen, url };
}

/** "status 7 text": fails so; "wait": never answers; else the message comes back, twice. */
function unary(call: Unary, reply: sendUnaryData<Buffer>, seen: GrpcEvents): void {
  record(call.metadata, seen);
  call.on('cancelled', () => seen.events.push('cancelled'));
  const text = call.request.toString('latin1');
  const [, code, details = ''] = /^status (\d+) ?(.*)$/.exec(text) ?? [];
  if (code !== undefined) reply({ code: Number(code), details });
  else if (text !== 'wait') reply(null, Buffer.concat([call.request, call.request]));
}

/** One answer to all messages: them, joined. */
function upload(call: ServerReadableStream<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void {
  const messages: Buffer[] = [];
  call.on('data', (message: Buffer) => messages.push(message));
  call.on('end', () => {
    reply(null, Buffer.concat(messages));
  });
}

/** Each byte of the message as a message. */
function download(call: ServerWritableStream<Buffer, Buffer>): void {
  for (const byte of call.request) call.write(Buffer.of(byte));
  call.end();
}

/** Each message comes back; "status …" as above; at the other side's end the stream ends. */
function bidi(call: Bidi, seen: GrpcEvents): void {
  record(call.metadata, seen);
  call.on('cancelled', () => seen.events.push('cancelled'));
  const initial = new Metadata();
  initial.add('x-initial', '1');
  initial.add('x-data-bin', Buffer.from([0, 255]));
  call.sendMetadata(initial);
  call.on('data', (message: Buffer) => {
    const [, code, details = ''] = /^status (\d+) ?(.*)$/.exec(message.toString()) ?? [];
    if (code === undefined) call.write(message);
    else call.emit('error', { code: Number(code), details });
  });
  call.on('end', () => {
    seen.events.push('half-closed');
    const trailing = new Metadata();
    trailing.add('x-trailing', '2');
    call.end(trailing);
  });
}

function record(metadata: Metadata, seen: GrpcEvents): void {
  const entries: string[] = [];
  for (const name of Object.keys(metadata.getMap()).sort()) {
    for (const value of metadata.get(name))
      entries.push(name, value.toString(name.endsWith('-bin') ? 'hex' : 'utf8'));
  }
  seen.metadata.push(entries);
}
