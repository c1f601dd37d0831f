/** In a process of its own: hostcalls of services, each made many times by a guest in one callback. */
import wabt from 'wabt';
import { createHost } from '@proxy-wasm-node/core';

import { readArgument, tell } from '../child.mjs';
import { quietLogger } from '../stream/host-side.mjs';
import { timeInTurns } from '../stream/rounds.mjs';

/** @typedef {import('../stream/rounds.mjs').Effort} Effort */

/** How often the guest calls each time it is called. */
const LOOP = 1000;

// Guest addresses: key and value of 16 bytes, then places for what hostcalls return.
const KEY = '(i32.const 16) (i32.const 16)';
const VALUE = '(i32.const 32) (i32.const 16)';
const OUT = '(i32.const 64) (i32.const 68)';
const I32 = (/** @type {number} */ count) => '(param' + ' i32'.repeat(count) + ') (result i32)';

/**
 * What a guest imports, what it does once, and what it does again and again.
 *
 * @type {Record<string, { imports: Record<string, string>, once?: string, again: string }>}
 */
const GUESTS = {
  // What the loop itself costs.
  nothing: { imports: {}, again: '' },
  proxy_get_shared_data: {
    imports: { proxy_set_shared_data: I32(5), proxy_get_shared_data: I32(5) },
    once: `(call $proxy_set_shared_data ${KEY} ${VALUE} (i32.const 0))`,
    again: `(call $proxy_get_shared_data ${KEY} ${OUT} (i32.const 72))`,
  },
  proxy_set_shared_data: {
    imports: { proxy_set_shared_data: I32(5) },
    again: `(call $proxy_set_shared_data ${KEY} ${VALUE} (i32.const 0))`,
  },
  proxy_increment_metric: {
    imports: {
      proxy_define_metric: I32(4),
      proxy_increment_metric: '(param i32 i64) (result i32)',
    },
    once: `(call $proxy_define_metric (i32.const 0) ${KEY} (i32.const 64))`,
    again: '(call $proxy_increment_metric (i32.load (i32.const 64)) (i64.const 1))',
  },
  'proxy_record_metric (histogram)': {
    imports: { proxy_define_metric: I32(4), proxy_record_metric: '(param i32 i64) (result i32)' },
    once: `(call $proxy_define_metric (i32.const 2) ${KEY} (i32.const 64))`,
    again: '(call $proxy_record_metric (i32.load (i32.const 64)) (i64.const 40))',
  },
  'proxy_enqueue_shared_queue, proxy_dequeue_shared_queue': {
    imports: {
      proxy_register_shared_queue: I32(3),
      proxy_enqueue_shared_queue: I32(3),
      proxy_dequeue_shared_queue: I32(3),
    },
    once: `(call $proxy_register_shared_queue ${KEY} (i32.const 64))`,
    again: `(i32.or
      (call $proxy_enqueue_shared_queue (i32.load (i32.const 64)) ${VALUE})
      (call $proxy_dequeue_shared_queue (i32.load (i32.const 64)) (i32.const 72) (i32.const 76)))`,
  },
};

/** @type {{ effort: Effort }} */
const { effort } = readArgument();
const { parseWat } = await wabt();
/** @type {Record<string, () => void>} */
const sides = {};
for (const name of Object.keys(GUESTS)) sides[name] = await sideOf(name);
const { nothing, ...times } = timeInTurns(sides, effort);
const loopNs = nothing?.median ?? NaN;
tell(
  Object.fromEntries(
    Object.entries(times).map(([name, { median, min, max, values }]) => {
      const each = (/** @type {number} */ ns) => (ns - loopNs) / LOOP;
      return [
        name,
        { median: each(median), min: each(min), max: each(max), values: values.map(each) },
      ];
    }),
  ),
);

/** @param {string} name @returns {Promise<() => void>} runs the guest's loop once */
async function sideOf(name) {
  const host = createHost({ logger: quietLogger });
  const plugin = await host.createPlugin({ code: assemble(name), name: 'measured' });
  return () => {
    const { context } = plugin;
    if (context === undefined) throw new Error(`${name}: a hostcall failed`);
    context.onTick();
  };
}

/** Traps where a hostcall is not Ok. @param {string} name */
function assemble(name) {
  const { imports = {}, once = '(i32.const 0)', again = '' } = GUESTS[name] ?? {};
  const lines = Object.entries(imports).map(
    ([each, type]) => `(import "env" "${each}" (func $${each} ${type}))`,
  );
  const step = again === '' ? '' : `(if ${again} (then (unreachable)))`;
  const text = `(module
    ${lines.join('\n')}
    (memory (export "memory") 1)
    (data (i32.const 16) "0123456789abcdefFEDCBA9876543210")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (i32.eqz ${once}))
    (func (export "proxy_on_tick") (param i32)
      (local $left i32)
      (local.set $left (i32.const ${LOOP}))
      (loop $again
        ${step}
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;
  const module = parseWat(`${name}.wat`, text);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
