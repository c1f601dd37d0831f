/** Runs the table on one target: a file for each, so that they run beside each other. */
import { gunzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import type { Behaviour, ExpectedReply, ExpectedSeen, Target } from '../../src/behaviour.js';
import { behaviours } from '../../src/behaviours/index.js';
import { runBehaviour, type Outcome } from '../../src/run-behaviour.js';
import { targets } from '../../src/targets/index.js';

export function defineTable(name: string): void {
  const target = targets.find((other) => other.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  describe(name, () => {
    describe.each(Object.entries(behaviours))('%s', (_topic, rows) => {
      for (const row of rows) {
        // A skip's reason is in the page that the run writes.
        it.skipIf(row.skip?.[name] !== undefined)(row.name, async () => {
          check(forTarget(row, target), await runBehaviour(row, target));
        });
      }
    });
  });
}

/** HTTP/2 has no reason phrase and no headers that frame a message on a connection. */
function forTarget(row: Behaviour, { protocol }: Target): Behaviour {
  if (protocol !== 'h2') return row;
  const { reply, seen = [] } = row.expect;
  const replies = Array.isArray(reply) ? (reply as ExpectedReply[]) : [reply as ExpectedReply];
  return {
    ...row,
    expect: {
      ...row.expect,
      reply: replies.map(({ reason: _reason, ...wanted }) => unframed(wanted)),
      ...(row.expect.seen === undefined ? {} : { seen: seen.map(unframed) }),
    },
  };
}

function unframed<T extends ExpectedReply | ExpectedSeen>(wanted: T): T {
  const { host, ...headers } = wanted.headers ?? {};
  delete headers['transfer-encoding'];
  delete headers['trailer'];
  const isSeen = 'url' in wanted || host !== undefined;
  if (!isSeen) delete headers['content-length'];
  return { ...wanted, headers: host === undefined ? headers : { ...headers, ':authority': host } };
}

function check(row: Behaviour, outcome: Outcome): void {
  const { reply, seen, logs, errors = [], oneConnection = true } = row.expect;
  const expected = Array.isArray(reply)
    ? (reply as readonly ExpectedReply[])
    : [reply as ExpectedReply];
  const replies = row.expect.broken === true ? 0 : [row.request].flat().length;
  expect(outcome.replies.length, 'replies').toBe(replies);
  for (const [index, wanted] of expected.entries()) checkReply(outcome, index, wanted);
  if (seen !== undefined) {
    expect(outcome.seen.length, 'requests that reached the app').toBe(seen.length);
    for (const [index, wanted] of seen.entries()) checkSeen(outcome, index, wanted);
  }
  if (logs !== undefined) expect(outcome.logs).toEqual(logs);
  expect(outcome.errors.length, outcome.errors.join('\n')).toBe(errors.length);
  for (const [index, pattern] of errors.entries()) expect(outcome.errors[index]).toMatch(pattern);
  const ports = new Set(outcome.replies.map(({ port }) => port));
  if (oneConnection && replies > 0) expect(ports.size, 'connections').toBe(1);
}

function checkReply({ replies }: Outcome, index: number, wanted: ExpectedReply): void {
  const reply = replies[index]!;
  if (wanted.status !== undefined) expect(reply.status).toBe(wanted.status);
  if (wanted.reason !== undefined) expect(reply.reason).toBe(wanted.reason);
  checkHeaders(reply.headers, wanted.headers);
  const length = reply.headers['content-length'];
  // True or absent, whatever else a row says.
  if (length !== undefined && reply.body !== '') expect(length).toBe(String(reply.body.length));
  if (typeof wanted.body === 'string') expect(reply.body).toBe(wanted.body);
  else if (wanted.body !== undefined) expect(reply.body).toMatch(wanted.body);
  if (wanted.unzipped !== undefined) {
    expect(gunzipSync(Buffer.from(reply.body, 'latin1')).toString()).toBe(wanted.unzipped);
  }
  if (wanted.bodyLength !== undefined) expect(reply.body.length).toBe(wanted.bodyLength);
  if (wanted.trailers !== undefined) expect(reply.trailers).toEqual(wanted.trailers);
  if (wanted.continued !== undefined) expect(reply.continued, '100').toBe(wanted.continued);
}

function checkSeen({ seen }: Outcome, index: number, wanted: ExpectedSeen): void {
  const request = seen[index]!;
  if (wanted.method !== undefined) expect(request.method).toBe(wanted.method);
  if (wanted.url !== undefined) expect(request.url).toBe(wanted.url);
  if (wanted.body !== undefined) expect(request.body).toBe(wanted.body);
  if (wanted.trailers !== undefined) expect(request.trailers).toEqual(wanted.trailers);
  checkHeaders(request.headers, wanted.headers);
}

function checkHeaders(
  headers: Record<string, string | string[] | undefined>,
  wanted: Record<string, string | string[] | RegExp | undefined> = {},
): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (value instanceof RegExp) expect(headers[name], name).toMatch(value);
    else expect(headers[name], name).toEqual(value);
  }
}
