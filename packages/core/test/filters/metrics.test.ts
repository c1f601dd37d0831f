/** The filters that count, on real servers, and what Prometheus sees. */
import { connect } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import type { PluginOptions } from '../../src/index.js';
import {
  exampleFilter,
  exampleHost,
  refusalOf,
  serveBehind,
  WAIT,
} from '../support/example-filters.js';
import { TestClock } from '../support/test-clock.js';

async function get(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.status;
}

describe('request-counter', () => {
  const code = exampleFilter('request-counter');
  const tenants = { header: 'X-Tenant', values: ['a', 'b-1.c'] };

  it('counts requests, of all its VMs together', async () => {
    const example = exampleHost();
    const urls = [await serveBehind(example, [{ code }]), await serveBehind(example, [{ code }])];
    expect(example.metrics()).toEqual({ 'proxy_wasm_go.request_counter': 0 });
    await Promise.all(Array.from({ length: 100 }, (_, index) => get(urls[index % 2] ?? '')));
    expect(example.metrics()).toEqual({ 'proxy_wasm_go.request_counter': 100 });
    const text = await example.host.metrics.toPrometheus();
    expect(text).toMatch(/^# TYPE wasmcustom_proxy_wasm_go_request_counter counter$/m);
    expect(text).toMatch(/^wasmcustom_proxy_wasm_go_request_counter 100$/m);
  });

  const tags = { value: /(_value=([^_]+))/, reporter: /(_reporter=(\w+))/ };

  it.each([
    ['istio', {}],
    ['envoy', { metrics: { tags } }],
  ])('counts the values of a header, labelled as for %s', async (labels, options) => {
    const example = exampleHost(options);
    const url = await serveBehind(example, [{ code, configuration: { ...tenants, labels } }]);
    const sent = ['a', 'b-1.c', 'a', 'made-up', 'another', '', undefined];
    for (const tenant of sent) await get(url, tenant === undefined ? {} : { 'x-tenant': tenant });
    expect(example.metrics()).toEqual({
      'proxy_wasm_go.request_counter': 7,
      'custom_header_value_counts{value="a",reporter="wasmgosdk"}': 2,
      'custom_header_value_counts{value="b-1.c",reporter="wasmgosdk"}': 1,
      'custom_header_value_counts{value="other",reporter="wasmgosdk"}': 3,
    });
    expect(await example.host.metrics.toPrometheus()).toMatch(
      /^wasmcustom_custom_header_value_counts\{value="a",reporter="wasmgosdk"\} 2$/m,
    );
  });

  it.each<[PluginOptions['configuration'], string]>([
    ['{', 'unexpected EOF'],
    [{ header: 'x' }, 'a header is given, but no values'],
    [{ values: ['x'] }, 'values are given, but no header'],
    [{ ...tenants, labels: 'x' }, 'labels is "x", not "istio" or "envoy"'],
    [{ ...tenants, values: ['a;.;b'] }, '"a;.;b" cannot be a label'],
  ])('refuses %j', async (configuration, problem) => {
    expect(await refusalOf('request-counter', configuration)).toContain(problem);
  });
});

describe('latency-histogram', () => {
  const code = exampleFilter('latency-histogram');
  const refuser: PluginOptions = {
    code: exampleFilter('basic-auth'),
    configuration: { prefix: '/admin', users: { alice: 'wonderland' } },
  };

  it('records how long requests take, for each class of status', async () => {
    const clock = new TestClock();
    const example = exampleHost({ clock });
    const url = await serveBehind(example, [{ code }, refuser], (req, res) => {
      const [, status = '', ms = ''] = req.url?.split('/') ?? [];
      clock.advance(Number(ms));
      res.writeHead(Number(status)).end();
    });
    for (const path of ['/200/3', '/204/26', '/404/7', '/503/700']) await get(url + path);
    expect(await get(`${url}/admin`)).toBe(401);
    await vi.waitFor(() => {
      expect(example.metrics()).toEqual({
        'request_duration_ms{status_class="1xx"}': 0,
        'request_duration_ms{status_class="2xx"}': 2,
        'request_duration_ms{status_class="3xx"}': 0,
        'request_duration_ms{status_class="4xx"}': 2,
        'request_duration_ms{status_class="5xx"}': 1,
        'request_duration_ms{status_class="none"}': 0,
      });
    }, WAIT);
    const text = await example.host.metrics.toPrometheus();
    const lines = (name: string): string[] =>
      text.split('\n').filter((line) => line.startsWith(`wasmcustom_request_duration_ms_${name}`));
    expect(text).toContain('# TYPE wasmcustom_request_duration_ms histogram');
    const success = lines('bucket{status_class="2xx"').map((line) => /le="(.*)"\} (.*)/.exec(line));
    const counts = Object.fromEntries(success.map((found) => [found?.[1], Number(found?.[2])]));
    expect(counts).toMatchObject({ 1: 0, 5: 1, 25: 1, 50: 2, '+Inf': 2 });
    expect(lines('sum{status_class="2xx"}')).toEqual([expect.stringMatching(/ 29$/)]);
    expect(lines('sum{status_class="5xx"}')).toEqual([expect.stringMatching(/ 700$/)]);
    expect(lines('count{status_class="4xx"}')).toEqual([expect.stringMatching(/ 2$/)]);
  });

  it('records the time until a client has gone, and that it got no answer', async () => {
    const clock = new TestClock();
    const example = exampleHost({ clock });
    let arrived = (): void => undefined;
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const url = await serveBehind(example, [{ code }], () => {
      arrived();
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await asked;
    clock.advance(1234);
    socket.destroy();
    const none = () =>
      example.host.metrics.read().find(({ labels }) => labels['status_class'] === 'none');
    await vi.waitFor(() => {
      expect(none()).toMatchObject({ value: 1, sum: 1234 });
    }, WAIT);
  });

  it('measures with a clock that goes', async () => {
    const example = exampleHost();
    const url = await serveBehind(example, [{ code }], (_req, res) => {
      setTimeout(() => res.end(), 30);
    });
    await get(url);
    const success = () =>
      example.host.metrics.read().find(({ labels }) => labels['status_class'] === '2xx');
    await vi.waitFor(() => {
      expect(success()?.value).toBe(1);
    }, WAIT);
    expect(success()?.sum).toBeGreaterThanOrEqual(28);
  });
});

describe('status-counter', () => {
  const code = exampleFilter('status-counter');

  it('counts responses by their status, answers of other filters too', async () => {
    const example = exampleHost();
    const refuser: PluginOptions = {
      code: exampleFilter('basic-auth'),
      configuration: { prefix: '/admin', users: { alice: 'wonderland' } },
    };
    const url = await serveBehind(example, [{ code }, refuser], (req, res) => {
      res.writeHead(Number(req.url?.slice(1))).end();
    });
    for (const path of ['/200', '/204', '/404', '/500', '/admin']) await get(url + path);
    expect(example.metrics()).toEqual({
      'responses_total{status_class="1xx"}': 0,
      'responses_total{status_class="2xx"}': 2,
      'responses_total{status_class="3xx"}': 0,
      'responses_total{status_class="4xx"}': 2,
      'responses_total{status_class="5xx"}': 1,
    });
    expect(await example.host.metrics.toPrometheus()).toMatch(
      /^wasmcustom_responses_total\{status_class="4xx"\} 2$/m,
    );
  });

  it('refuses a configuration, and a name that somebody else has', async () => {
    expect(await refusalOf('status-counter', 'x')).toContain('there is nothing to configure');
    const { host, log } = exampleHost();
    const other = await guest({
      callbacks: {
        proxy_on_configure: [{ defineMetric: [0, 1, 'status_class=.=3xx;.;responses_total'] }],
      },
    });
    await host.createPlugin({ code: other });
    await expect(host.createPlugin({ code })).rejects.toThrow('configure returned false');
    expect(log.texts('error')).toEqual(
      expect.arrayContaining([
        'the host does not take the metric status_class=.=3xx;.;responses_total',
      ]),
    );
  });
});

describe('response-size', () => {
  it('records the size of each body, whatever its pieces', async () => {
    const example = exampleHost({ metrics: { buckets: [10, 1000, 100_000] } });
    const code = exampleFilter('response-size');
    const url = await serveBehind(example, [{ code }], (req, res) => {
      if (req.url === '/pieces') {
        for (let piece = 0; piece < 50; piece += 1) res.write('x'.repeat(1000));
        res.end();
      } else res.end(req.url);
    });
    for (const path of ['/', '/abc', '/pieces']) await get(url + path);
    const histogram = () => example.host.metrics.read().find(({ source }) => source === 'filter');
    await vi.waitFor(() => {
      expect(histogram()).toMatchObject({ name: 'response_body_bytes', value: 3, sum: 50_005 });
    }, WAIT);
    expect(histogram()?.buckets).toEqual([
      { upTo: 10, count: 2 },
      { upTo: 1000, count: 2 },
      { upTo: 100_000, count: 3 },
      { upTo: Infinity, count: 3 },
    ]);
  });
});
