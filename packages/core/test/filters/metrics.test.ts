/** The filters request-counter and latency-histogram on real servers, and what Prometheus sees. */
import { connect } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { PluginOptions } from '../../src/index.js';
import { exampleFilter, exampleHost, refusalOf, serveBehind } from '../support/example-filters.js';
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
    });
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
    });
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
    });
    expect(success()?.sum).toBeGreaterThanOrEqual(28);
  });
});
