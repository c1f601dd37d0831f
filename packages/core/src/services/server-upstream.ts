import type { GrpcTarget } from '../abi/grpc-call.js';
import type { HttpCallOutcome, HttpCallRequest, HttpTarget } from '../abi/http-call.js';
import { GrpcUpstream } from './grpc-upstream.js';
import { HttpCall } from './http-call.js';
import { NodeTransport } from './node-transport.js';
import { UndiciTransport } from './undici-transport.js';
import type { ResolvedUpstream } from './upstream-options.js';

/** A server behind a name. Connections are made when something is asked of it, and kept. */
export class ServerUpstream implements HttpTarget {
  readonly #upstream: ResolvedUpstream;
  readonly #undici: UndiciTransport;
  #node: NodeTransport | undefined;
  #grpc: GrpcUpstream | undefined;

  constructor(upstream: ResolvedUpstream) {
    this.#upstream = upstream;
    this.#undici = new UndiciTransport(upstream);
  }

  /** @throws Error where the package that it takes is not installed */
  get grpc(): GrpcTarget {
    this.#grpc ??= new GrpcUpstream(this.#upstream);
    return this.#grpc;
  }

  send(request: HttpCallRequest, done: (outcome: HttpCallOutcome) => void): () => void {
    const call = new HttpCall(request, this.#upstream.maxResponseBytes, done);
    if (NodeTransport.isFor(request)) {
      this.#node ??= new NodeTransport(this.#upstream);
      this.#node.send(call);
    } else {
      this.#undici.send(call);
    }
    return () => {
      call.cancel();
    };
  }

  /** Ends what is still on its way, and closes the connections. */
  close(): void {
    this.#undici.close();
    this.#node?.close();
    this.#grpc?.close();
  }
}
