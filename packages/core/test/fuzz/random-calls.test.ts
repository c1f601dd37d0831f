/**
 * A filter that does anything at all: random hostcalls with random arguments, in every callback of
 * random exchanges, on contexts that live and contexts that do not, returning anything. Nothing may
 * throw into the app, no status may come that the hostcall's comment does not name, and nothing may
 * be left.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { encodePairs } from '../../../conformance/src/guests/encode-pairs.js';
import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { createEnvImports } from '../../src/hostcalls/table.js';
import { createHost, type Host } from '../../src/index.js';
import type { Plugin } from '../../src/plugin.js';
import { createServices } from '../../src/services/host-services.js';
import { HeaderList } from '../../src/stream/header-list.js';
import { guestIsRunning, runDeferred } from '../../src/vm/deferred.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../support/fuzz-runs.js';
import { documentedStatuses } from '../support/hostcall-statuses.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';
import { bytes, testStream } from '../support/stream-harness.js';
import { TestClock } from '../support/test-clock.js';

const SIZE = 4 * 65_536;
const CALLS_PER_RUN = 40;

/** Something to point at: names, paths and lists that mean something. */
const WORDS: Uint8Array[] = [
  ...[
    'x-name',
    ':path',
    'content-length',
    'up',
    'key',
    '/a?b',
    'a value',
    'compress',
    'expr_create',
  ],
  ...[
    'request\0path',
    'request\0headers\0host',
    'plugin_name',
    'response\0code',
    'declare_property',
  ],
].map((text) => Buffer.from(text, 'latin1'));
WORDS.push(
  encodePairs([
    [':method', 'GET'],
    [':path', '/'],
    [':authority', 'a'],
  ]),
  encodePairs([['x-a', 'b']]),
  encodePairs([]),
);
const places: { at: number; size: number }[] = [];
for (const word of WORDS) {
  const last = places.at(-1);
  places.push({ at: last === undefined ? 1024 : last.at + last.size + 1, size: word.length });
}

const word = fc.constantFrom(...places).map(({ at, size }) => [at, size]);
const edge = fc.constantFrom(
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  SIZE - 4,
  SIZE - 1,
  SIZE,
  -1,
  -4,
  -0x8000_0000,
  0x7fff_ffff,
);
const anywhere = fc.integer({ min: 0, max: SIZE });
const any32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const single = fc.oneof(edge, edge, anywhere, any32).map((value) => [value]);
/** Pointer and length come together more often than not. */
const chunk = fc.oneof({ weight: 2, arbitrary: word }, { weight: 3, arbitrary: single });

interface Call {
  name: string;
  args: (number | bigint)[];
}

const FUNCTIONS = Object.entries(HOSTCALL_SIGNATURES)
  .filter(([name, { abiVersions }]) => name.startsWith('proxy_') && abiVersions.includes('0.2.1'))
  .map(([name, { signature }]) => ({
    name,
    types: signature.slice(1, signature.indexOf(')')).split(', ').filter(Boolean),
  }));

const call: fc.Arbitrary<Call> = fc
  .tuple(fc.constantFrom(...FUNCTIONS), fc.array(chunk, { minLength: 12, maxLength: 12 }))
  .map(([{ name, types }, chunks]) => {
    const flat = chunks.flat();
    const args = types.map((type, index) => {
      const value = flat[index] as number;
      return type === 'i64' ? BigInt(value) * 0x1_0001n : value;
    });
    return { name, args };
  });

const EVENTS = [
  'request data',
  'request end',
  'response',
  'response data',
  'tick',
  'queue',
  'complete',
] as const;

const run = fc.record({
  calls: fc.array(call, { minLength: CALLS_PER_RUN, maxLength: CALLS_PER_RUN }),
  results: fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 3, 4), any32), {
    minLength: 16,
    maxLength: 16,
  }),
  events: fc.array(fc.constantFrom(...EVENTS), { minLength: 3, maxLength: 12 }),
});

/** Each callback does what the test says, and answers what it says. */
const guestBytes = filter({
  imports: '(import "env" "fuzz" (func $fuzz (result i32)))',
  memory: '(memory (export "memory") 4)',
  // Anything is taken from the upper half, again and again: a guest that never frees.
  allocator: `(global $heap (mut i32) (i32.const 131072))
    (func (export "malloc") (param $size i32) (result i32) (local $at i32)
      (local.set $at (global.get $heap))
      (if (i32.gt_u (local.get $size) (i32.const 131072)) (then (return (i32.const 0))))
      (global.set $heap (i32.add (global.get $heap) (local.get $size)))
      (if (i32.gt_u (global.get $heap) (i32.const 262144))
        (then (local.set $at (i32.const 131072)) (global.set $heap (i32.add (i32.const 131072) (local.get $size)))))
      (local.get $at))`,
  body: [
    ...WORDS.map((text, index) => {
      const hex = [...text].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
      return `(data (i32.const ${String(places[index]?.at)}) "${hex}")`;
    }),
    ...Object.entries(CALLBACK_SIGNATURES)
      .filter(([name]) => !/vm_start|configure|validate/.test(name))
      .map(([name, [signature = '']]) => {
        const [params = '', results = ''] = signature
          .split(' -> ')
          .map((types) => types.slice(1, -1).replaceAll(',', ''));
        const does = results === '' ? '(drop (call $fuzz))' : '(call $fuzz)';
        return `(func (export "${name}") (param ${params}) (result ${results}) ${does})`;
      }),
  ].join('\n'),
});

let host: Host;
let plugin: Plugin;
let imports: Record<string, (...args: (number | bigint)[]) => unknown>;
let todo: { calls: Call[]; results: number[] } = { calls: [], results: [] };
const counts = new Map<string, number>();
const documented = documentedStatuses();
let problem: unknown;

/** Inside a callback: some of what is left to do. */
function fuzz(): number {
  for (const { name, args } of todo.calls.splice(0, 6)) {
    try {
      const status = imports[name]?.(...args);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (documented.get(name)?.has(status as number) !== true) {
        problem ??= new Error(`${name}(${args.join(', ')}) answered ${String(status)}`);
      }
    } catch (error) {
      problem ??= new Error(`${name}(${args.join(', ')}) threw`, { cause: error });
    }
  }
  return todo.results.shift() ?? 0;
}

beforeAll(async () => {
  const clock = new TestClock();
  host = createHost({
    clock,
    logger: recordLog('silent').logger,
    hostFunctions: { fuzz },
    upstreams: { up: () => new Response('answer') },
  });
  plugin = await host.createPlugin({
    code: await guestBytes,
    name: 'p',
    // The test itself is on the guest's stack, and slow.
    limits: { callbackTimeMs: false },
  });
  const services = createServices({
    clock,
    sharedState: undefined,
    metrics: undefined,
    foreignFunctions: { later: () => Promise.resolve('x') },
  });
  imports = createEnvImports(plugin.context!.vm, services) as typeof imports;
});

afterAll(() => host.close());

function exchange({
  calls,
  results,
  events,
}: {
  calls: Call[];
  results: number[];
  events: readonly string[];
}): void {
  todo = { calls: [...calls], results: [...results] };
  const { stream, responseHeaders } = testStream();
  const root = plugin.context!;
  stream.join([plugin], false);
  for (const event of events) {
    if (event === 'request data') stream.requestData(bytes('some'), false);
    else if (event === 'request end') stream.requestData(bytes(''), true);
    else if (event === 'response')
      stream.responseHeaders(new HeaderList([...responseHeaders.entries()]), false);
    else if (event === 'response data') stream.responseData(bytes('answer'), false);
    else if (event === 'tick') root.onTick();
    else if (event === 'queue') root.onQueueReady(1);
    else stream.complete();
  }
  // What is left is done on the plugin's own context, where streams of before are gone.
  while (todo.calls.length > 0) root.onTick();
  stream.complete();
  runDeferred();
}

it(
  'whatever a filter calls, with whatever it calls it, the app sees no error and nothing is left',
  () => {
    fc.assert(
      fc.property(run, (values) => {
        problem = undefined;
        exchange(values);
        if (problem !== undefined) throw problem as Error;
        const { vm } = plugin.context!;
        expect(vm.failure).toBeUndefined();
        expect(guestIsRunning()).toBe(false);
        expect([plugin.streams, vm.contexts.size]).toEqual([0, 1]);
      }),
      { numRuns: fuzzRuns(500) },
    );
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    if (process.env['FUZZ_FACTOR'] !== undefined) {
      console.log(`random-calls: ${String(total)} calls of ${String(counts.size)} functions`);
    }
    expect(counts.size).toBe(FUNCTIONS.length);
    expect(total).toBeGreaterThanOrEqual(fuzzRuns(500) * CALLS_PER_RUN);
  },
  FUZZ_TIMEOUT_MS,
);
