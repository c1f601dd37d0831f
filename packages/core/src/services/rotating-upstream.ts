import type { GrpcTarget } from '../abi/grpc-call.js';
import type { HttpCallOutcome, HttpCallRequest, HttpTarget } from '../abi/http-call.js';
import { ServerUpstream } from './server-upstream.js';
import type { ResolvedUpstream } from './upstream-options.js';

/** Several servers behind one name: each call takes the next. Envoy's `ROUND_ROBIN`. */
export class RotatingUpstream implements HttpTarget {
  readonly #servers: readonly ServerUpstream[];
  #next = 0;

  constructor(upstreams: readonly ResolvedUpstream[]) {
    this.#servers = upstreams.map((upstream) => new ServerUpstream(upstream));
  }

  /** @throws Error where the package that it takes is not installed */
  get grpc(): GrpcTarget {
    return this.#take().grpc;
  }

  send(request: HttpCallRequest, done: (outcome: HttpCallOutcome) => void): () => void {
    return this.#take().send(request, done);
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #take(): ServerUpstream {
    const server = this.#servers[this.#next] as ServerUpstream;
    this.#next = (this.#next + 1) % this.#servers.length;
    return server;
  }
}
