/** One of each object that an exchange of Node's is made of. @see keepShape */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { keepShape } from '../vm/kept-shape.js';
import { Exchange } from './exchange.js';
import type { NodeRequest, NodeResponse } from './messages.js';
import { RequestTap } from './request-tap.js';
import { ResponseTap } from './response-tap.js';

/** Over messages that came from nowhere. */
export function keepExchange(): void {
  const req = new IncomingMessage(new Socket()) as NodeRequest;
  const res = new ServerResponse(req) as NodeResponse;
  const options = { bufferedBodyBytes: 0, allowConsumedBody: false, coalesceWrites: false };
  const exchange = new Exchange(req, res, options);
  keepShape(exchange);
  keepShape(new RequestTap(req, exchange.stream, 0));
  keepShape(new ResponseTap(res, exchange.stream, false));
}
