/** The filter config-refresher on a real server, with rules from another one. */
import type { RequestListener } from 'node:http';

import { describe, expect, it, vi } from 'vitest';

import type { HostOptions, PluginOptions } from '../../src/index.js';
import { httpServer } from '../support/calling-plugin.js';
import {
  exampleFilter,
  exampleHost,
  refusalOf,
  serveBehind,
  WAIT,
  type ExampleHost,
} from '../support/example-filters.js';
import { TestClock } from '../support/test-clock.js';

const INTERVAL_MS = 10_000;

const json =
  (rules: object): RequestListener =>
  (_req, res) => {
    res.setHeader('content-type', 'application/json').end(JSON.stringify(rules));
  };
const BLUE = { requestHeaders: { 'x-release': 'blue' } };
const GREEN = { requestHeaders: { 'x-release': 'green' } };

/** A service that answers as it is told, and counts. */
async function rulesService(first: RequestListener) {
  const service = { answer: first, asked: [] as string[], url: '' };
  service.url = await httpServer((req, res) => {
    service.asked.push(`${String(req.method)} ${String(req.headers.host)}${String(req.url)}`);
    service.answer(req, res);
  });
  return service;
}

/** An app behind the filter, which answers with the release that it was told. */
async function start(upstreams: HostOptions['upstreams'], configuration: object = {}) {
  const clock = new TestClock();
  const example = exampleHost({ clock, ...(upstreams && { upstreams }) });
  const plugin: PluginOptions = {
    code: exampleFilter('config-refresher'),
    configuration: { upstream: 'rules', path: '/r.json', timeoutMs: 10_000, ...configuration },
  };
  const url = await serveBehind(example, [plugin], (req, res) => {
    res.end(`release ${String(req.headers['x-release'] ?? 'none')}`);
  });
  const get = async (headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(url, { headers });
    return `${response.status} ${await response.text()}`;
  };
  /** Waits until so many lines have been logged, and answers the last. */
  const logged = async (count: number): Promise<string | undefined> => {
    await vi.waitFor(() => {
      expect(example.log.texts().length).toBeGreaterThanOrEqual(count);
    }, WAIT);
    expect(example.log.texts()).toHaveLength(count);
    return example.log.texts().at(-1);
  };
  const tick = (): void => {
    clock.advance(INTERVAL_MS);
  };
  return { example, get, logged, tick };
}

/** What the filter says about a fetch that failed. */
const complaintIn = ({ log }: ExampleHost): string | undefined =>
  log.texts('warn').find((text) => text.startsWith('the rules stay as they are: '));

describe('config-refresher', () => {
  it('fetches rules at the start and on ticks, and applies the last', async () => {
    const service = await rulesService(json(BLUE));
    const { get, logged, tick } = await start({ rules: service.url });
    expect(await logged(1)).toContain('new rules: ');
    expect(await get()).toBe('200 release blue');
    expect(await get({ 'x-release': 'mine' })).toBe('200 release blue');
    service.answer = json(GREEN);
    expect(await get()).toBe('200 release blue');
    tick();
    await logged(2);
    expect(await get()).toBe('200 release green');
    // The same again is nothing to tell.
    tick();
    await vi.waitFor(() => {
      expect(service.asked).toEqual(Array.from({ length: 3 }, () => 'GET rules/r.json'));
    }, WAIT);
    service.answer = json({ maintenance: 'back at noon\n' });
    await vi.waitFor(async () => {
      tick();
      expect(await get()).toBe('503 back at noon\n');
    }, WAIT);
    await logged(3);
    service.answer = json({});
    await vi.waitFor(async () => {
      tick();
      expect(await get()).toBe('200 release none');
    }, WAIT);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['status 500', (_req, res) => res.writeHead(500).end('{}'), /status 500/],
    ['no rules', (_req, res) => res.end('<html>'), /bad rules: expected value/],
    ['rules that may not be', json({ requestHeaders: { host: 'x' } }), /bad rules: .*"host"/],
    ['an answer that breaks off', (_req, res) => res.write('{', () => res.destroy()), /no answer/],
    ['no answer at all', (req) => req.socket.destroy(), /status 503/],
  ])('keeps the old rules at %s, and fetches again', async (_what, failure, why) => {
    const service = await rulesService(json(BLUE));
    const { example, get, logged, tick } = await start({ rules: service.url });
    await logged(1);
    service.answer = failure;
    tick();
    expect(await vi.waitUntil(() => complaintIn(example), WAIT)).toMatch(why);
    expect(await get()).toBe('200 release blue');
    service.answer = json(GREEN);
    tick();
    await vi.waitFor(async () => {
      expect(await get()).toBe('200 release green');
    }, WAIT);
  });

  it('keeps them where there is no answer in time', async () => {
    const service = await rulesService(() => undefined);
    const configuration = { initial: BLUE, timeoutMs: 50 };
    const { example, get, tick } = await start({ rules: service.url }, configuration);
    expect(await vi.waitUntil(() => complaintIn(example), WAIT)).toMatch(/status 504/);
    expect(await get()).toBe('200 release blue');
    service.answer = json(GREEN);
    await vi.waitFor(async () => {
      tick();
      expect(await get()).toBe('200 release green');
    }, WAIT);
  });

  it('has the initial rules until there are others', async () => {
    const answers: ((response: Response) => void)[] = [];
    const rules = () => new Promise<Response>((resolve) => answers.push(resolve));
    const configuration = { initial: GREEN };
    const { get, logged, tick } = await start({ rules }, configuration);
    expect(await get()).toBe('200 release green');
    // The first answer is awaited: no second is asked for.
    const first = await vi.waitUntil(() => answers[0], WAIT);
    tick();
    tick();
    first(Response.json(BLUE));
    await logged(1);
    expect(await get()).toBe('200 release blue');
    expect(answers).toHaveLength(1);
  });

  it('goes on where nobody has the upstream’s name', async () => {
    const { example, get, tick } = await start(undefined, { initial: BLUE });
    tick();
    expect(await get()).toBe('200 release blue');
    const told = example.log.texts().filter((text) => text.startsWith('the rules stay'));
    const why = 'the rules stay as they are: "rules" can\'t be called: BadArgument';
    expect(told).toEqual([why, why]);
  });

  it('asks nobody once it is closed', async () => {
    const service = await rulesService(json(BLUE));
    const { example, logged, tick } = await start({ rules: service.url });
    await logged(1);
    await example.host.close();
    tick();
    await fetch(service.url);
    expect(service.asked).toHaveLength(2);
  });

  it.each<[PluginOptions['configuration'], string]>([
    [undefined, 'there is none; give at least {"upstream": …}'],
    [{ upstream: '' }, 'upstream is empty'],
    [{ upstream: 'a', path: 'b' }, 'path is not a path'],
    [{ upstream: 'a', intervalMs: 0 }, 'intervalMs is not from 1'],
    [{ upstream: 'a', initial: { x: 1 } }, 'unknown field `x`'],
  ])('refuses %j', async (configuration, problem) => {
    expect(await refusalOf('config-refresher', configuration)).toContain(problem);
  });
});
