/** What a filter answers, sent as the app would send it, so that Fastify's hooks and logs see it. */
import type { FastifyReply } from 'fastify';
import {
  BODY_HEADERS,
  mayAnswer,
  type LocalAnswer,
  type ServerReply,
} from '@proxy-wasm-node/core/node';

/** On a response: the reply that Fastify has for it now. */
const REPLY = Symbol('proxy-wasm reply');

type Noted = ServerReply & { [REPLY]?: FastifyReply };

/** Before filters run: they may answer with it. */
export function noteReply(reply: FastifyReply): void {
  (reply.raw as Noted)[REPLY] = reply;
}

/** Lets the app have the request. While filters still see its body they may answer all the same. */
export function passOn(reply: FastifyReply, next: () => void): void {
  if (mayAnswer(reply.request.raw)) reply.send = noteSend;
  next();
}

/** Stands on a reply until its first use, which tells that the app has begun to answer. */
function noteSend(this: FastifyReply, payload?: unknown): FastifyReply {
  delete (this as Partial<FastifyReply>).send;
  return this.send(payload);
}

/**
 * Sends a filter's answer; false where it has to go past Fastify: the app has begun to answer, so
 * its own answer has passed the hooks, or is about to.
 */
export function answerThroughReply(
  response: ServerReply,
  answer: LocalAnswer,
  isWaiting: boolean,
): boolean {
  const reply = (response as Noted)[REPLY];
  if (reply === undefined || reply.sent) return false;
  if (isWaiting) {
    send(reply, answer);
    return true;
  }
  if (reply.send !== noteSend || response.headersSent) return false;
  const own = takeFromApp(reply);
  send(own, answer);
  return true;
}

/** Another reply for the same response; that of the app has been hijacked, and sends nothing. */
function takeFromApp(reply: FastifyReply): FastifyReply {
  delete (reply as Partial<FastifyReply>).send;
  const own = Object.create(Object.getPrototypeOf(reply) as object) as FastifyReply;
  Object.assign(own, reply);
  reply.hijack();
  return own;
}

function send(reply: FastifyReply, { status, headers, body }: LocalAnswer): void {
  // One that is not there is left alone: Node takes its removal as a wish, for a body that ends with
  // the connection.
  for (const name of BODY_HEADERS) {
    if (reply.hasHeader(name) || reply.raw.hasHeader(name)) reply.removeHeader(name);
  }
  // Not by code(), which refuses what is above 599.
  reply.raw.statusCode = status;
  // The length is Fastify's to say: hooks may change the body.
  for (const name of Object.keys(headers)) {
    if (name !== 'content-length') reply.header(name, headers[name]);
  }
  try {
    reply.send(body.length === 0 ? undefined : body);
  } catch (error) {
    reply.send(error);
  }
}
