/** Parts of an app that its handlers share, whatever the framework. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Answer, Handler } from './behaviour.js';

export async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** Answers with Node's own methods. */
export async function answerPlainly(
  answer: Answer,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const read = answer.echo === true || answer.reads === true ? await readBody(req) : '';
  const body = answer.echo === true ? read : answer.body;
  res.writeHead(answer.status ?? 200, { ...answer.headers });
  if (typeof body === 'object') {
    for (const piece of body) {
      res.write(piece, 'latin1');
      await pause(5);
    }
    res.end();
  } else if (body === undefined) res.end();
  else res.end(body, 'latin1');
}

/** A handler in Node's own terms, for what frameworks leave to it. */
export function toHandler(app: Answer | Handler): Handler {
  return typeof app === 'function' ? app : (req, res) => answerPlainly(app, req, res);
}

/** Waits for a condition, far longer than it takes on a machine that is busy. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !condition(); await pause(1)) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
  }
}

const PATIENCE_MS = 15_000;

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
