/**
 * What a middleware never sees, because Node answers it or hands it on before any 'request' event:
 * `Expect: 100-continue`, Upgrade, CONNECT. Attached filters stand in front of the server's
 * listeners for these.
 */
import type { Server, Socket } from 'node:net';

import { ProxyWasmError } from '../errors.js';
import { EventGate, type Listener } from './event-gate.js';
import type { Exchange, Next } from './exchange.js';
import { Expectation } from './expectation.js';
import { isHttp2, type NodeRequest, type NodeResponse } from './messages.js';
import { ServerGuard, ServerGuards } from './server-guard.js';
import { answerNoConnect, filterTunnel, refuseConnect } from './tunnel.js';

/**
 * Runs a request through an attached filter, as the middleware would; `prepare` gets the exchange
 * before the filter does.
 */
export type Admit = (
  req: NodeRequest,
  res: NodeResponse,
  next: Next,
  prepare: (exchange: Exchange) => void,
) => void;

const guards = new ServerGuards<Admit>((server) => new RequestGuard(server));

/**
 * Puts a filter behind those that are attached to the server already. Answers what takes it away
 * again. A filter that is attached stays where it is.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function attachFilter(server: Server, admit: Admit): () => void {
  checkServer(server);
  return guards.attach(server, admit);
}

/** The attached filters of one server. */
class RequestGuard extends ServerGuard<Admit> {
  constructor(server: Server) {
    super(server);
    const expect = new EventGate(server, 'checkContinue', {
      enter: ([req, res], proceed) => {
        this.#expect([req as NodeRequest, res as NodeResponse], true, proceed);
      },
      fallback: (req, res) => {
        this.#expect([req as NodeRequest, res as NodeResponse], false, () => {
          server.emit('request', req, res);
        });
      },
    });
    const enter = (values: readonly unknown[], proceed: () => void): void => {
      this.#tunnel(values as readonly [NodeRequest, Socket | NodeResponse], proceed);
    };
    const upgrade = new EventGate(server, 'upgrade', { enter });
    const connect = new EventGate(server, 'connect', { enter, fallback: refuse as Listener });
    this.watch(expect, upgrade, connect);
  }

  #expect(values: readonly [NodeRequest, NodeResponse], isApps: boolean, next: () => void): void {
    this.#run(values, next, new Expectation(values[1], isApps));
  }

  #tunnel([req, other]: readonly [NodeRequest, Socket | NodeResponse], proceed: () => void): void {
    // HTTP/2's CONNECT has a response like any request.
    if (isHttp2(req)) {
      this.#run([req, other as NodeResponse], proceed);
      return;
    }
    const run = (request: NodeRequest, res: NodeResponse, next: () => void): void => {
      this.#run([request, res], next);
    };
    filterTunnel(run, [req, other as Socket], proceed);
  }

  #run(
    [req, res]: readonly [NodeRequest, NodeResponse],
    next: () => void,
    expectation?: Expectation,
  ): void {
    const { filters } = this;
    let index = 0;
    const prepare = (exchange: Exchange): void => {
      exchange.expectation = expectation;
    };
    const step = (): void => {
      const filter = filters[index];
      index += 1;
      if (filter === undefined) {
        next();
        return;
      }
      if (expectation !== undefined) expectation.isLast = index === filters.length;
      filter(req, res, step, prepare);
    };
    step();
  }
}

function refuse(req: NodeRequest, other: Socket | NodeResponse): void {
  if (isHttp2(req)) answerNoConnect(other as NodeResponse);
  else refuseConnect(req, other as Socket);
}

function checkServer(server: unknown): void {
  const { on, rawListeners } = (server ?? {}) as Partial<Server>;
  if (typeof on === 'function' && typeof rawListeners === 'function') return;
  throw new ProxyWasmError(
    'PW_ERR_OPTIONS_INVALID',
    `attach takes a server of node:http, node:https or node:http2, not ${String(server)}`,
  );
}
