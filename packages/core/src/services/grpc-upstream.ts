import { createSecureContext } from 'node:tls';

import type * as grpcModule from '@grpc/grpc-js';
import type {
  CallOptions,
  Client,
  ClientDuplexStream,
  ClientOptions,
  Metadata,
  ServiceError,
  StatusObject,
} from '@grpc/grpc-js';

import type { GrpcListener, GrpcRequest, GrpcStream, GrpcTarget } from '../abi/grpc-call.js';
import { messageOf } from '../errors.js';
import { loadPackage } from './lazy-package.js';
import type { ResolvedUpstream } from './upstream-options.js';

type Grpc = typeof grpcModule;

/** What may wait to be sent on one stream. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

/** gRPC to one server, over connections of its own. */
export class GrpcUpstream implements GrpcTarget {
  readonly #grpc: Grpc;
  readonly #client: Client;

  /** @throws Error where @grpc/grpc-js is not installed */
  constructor(upstream: ResolvedUpstream) {
    this.#grpc = loadGrpc();
    this.#client = createClient(this.#grpc, upstream);
  }

  call(
    request: GrpcRequest,
    message: Uint8Array,
    timeoutMs: number,
    listener: GrpcListener,
  ): Pick<GrpcStream, 'cancel'> {
    const options = optionsOf(request);
    if (timeoutMs > 0) options.deadline = Date.now() + timeoutMs;
    let over = false;
    const call = this.#client.makeUnaryRequest<Uint8Array, Buffer>(
      request.path,
      toBuffer,
      same,
      message,
      toMetadata(this.#grpc, request.metadata),
      options,
      (error: ServiceError | null, answer?: Buffer) => {
        if (over) return;
        if (error === null) listener.message(answer ?? Buffer.alloc(0));
        else listener.closed(error.code, error.details);
      },
    );
    return {
      cancel: () => {
        over = true;
        call.cancel();
      },
    };
  }

  stream(request: GrpcRequest, listener: GrpcListener): GrpcStream {
    const { path, metadata } = request;
    const call = this.#client.makeBidiStreamRequest<Uint8Array, Buffer>(
      path,
      toBuffer,
      same,
      toMetadata(this.#grpc, metadata),
      optionsOf(request),
    );
    return new BidiStream(call, listener);
  }

  close(): void {
    this.#client.close();
  }
}

/** One stream: messages both ways, told to the listener in the order of the wire. */
class BidiStream implements GrpcStream {
  readonly #call: ClientDuplexStream<Uint8Array, Buffer>;
  #unsentBytes = 0;
  #over = false;
  #ended = false;
  #status: StatusObject | undefined;

  constructor(call: ClientDuplexStream<Uint8Array, Buffer>, listener: GrpcListener) {
    this.#call = call;
    call.on('metadata', (metadata: Metadata) => {
      if (!this.#over) listener.initialMetadata(toEntries(metadata));
    });
    call.on('data', (message: Buffer) => {
      if (!this.#over) listener.message(message);
    });
    // The status says the same, with the trailers.
    call.on('error', () => undefined);
    call.on('status', (status: StatusObject) => {
      this.#status = status;
      this.#close(listener);
    });
    call.on('end', () => {
      this.#ended = true;
      this.#close(listener);
    });
  }

  send(message: Uint8Array): boolean {
    const size = message.length;
    if (this.#unsentBytes + size > MAX_UNSENT_BYTES) return false;
    this.#unsentBytes += size;
    this.#call.write(message, () => {
      this.#unsentBytes -= size;
    });
    return true;
  }

  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#over = true;
    this.#call.cancel();
  }

  /** The status may be there while messages still wait in Node's stream. */
  #close(listener: GrpcListener): void {
    const status = this.#status;
    if (this.#over || !this.#ended || status === undefined) return;
    listener.trailingMetadata(toEntries(status.metadata));
    // That may have cancelled it.
    if (!this.isOver) listener.closed(status.code, status.details);
    this.#over = true;
  }

  /** As a getter, since the compiler does not see that a listener may change it. */
  private get isOver(): boolean {
    return this.#over;
  }
}

/** At the first gRPC call: 40 ms, and most filters make none. */
function loadGrpc(): Grpc {
  try {
    return loadPackage('@grpc/grpc-js') as Grpc;
  } catch (cause) {
    throw new Error(
      `gRPC calls take the package @grpc/grpc-js, which can not be loaded (${messageOf(cause)}); ` +
        'add it to the app',
      { cause },
    );
  }
}

function createClient(grpc: Grpc, upstream: ResolvedUpstream): Client {
  const { url, tls, maxResponseBytes } = upstream;
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? '443' : '80') : url.port;
  const { servername, rejectUnauthorized = true, ...secrets } = tls;
  const options: ClientOptions = {
    'grpc.max_receive_message_length': maxResponseBytes,
    // One call is one call, to this server and no proxy of the environment's.
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // So that closing closes.
    'grpc.use_local_subchannel_pool': 1,
  };
  if (servername !== undefined) options['grpc.ssl_target_name_override'] = servername;
  const credentials = secure
    ? grpc.credentials.createFromSecureContext(createSecureContext(secrets as object), {
        rejectUnauthorized,
      })
    : grpc.credentials.createInsecure();
  return new grpc.Client(`${url.hostname}:${port}`, credentials, options);
}

function optionsOf({ authority }: GrpcRequest): CallOptions {
  return authority === undefined ? {} : { host: authority };
}

const same = (bytes: Buffer): Buffer => bytes;

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function toMetadata({ Metadata }: Grpc, entries: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    const value = entries[index + 1] as string;
    metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return metadata;
}

function toEntries(metadata: Metadata): string[] {
  const entries: string[] = [];
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) {
      entries.push(name, typeof value === 'string' ? value : value.toString('base64'));
    }
  }
  return entries;
}
