/**
 * Guests made to measure: a list of operations per callback becomes a WebAssembly text module that
 * does just that, with no SDK between the test and the ABI. Used where a test needs an exact
 * sequence of hostcalls and return values, or what no SDK would ever do.
 */
import wabtModule from 'wabt';

import { GuestData } from './guest-data.js';
import { compileOperation, type Operation } from './operations.js';

/** Parameters of each callback, in order; the result, if it has one. */
const CALLBACKS = {
  proxy_on_context_create: { params: ['context', 'parent'], result: false },
  proxy_on_vm_start: { params: ['context', 'size'], result: true, otherwise: 1 },
  proxy_on_configure: { params: ['context', 'size'], result: true, otherwise: 1 },
  proxy_on_tick: { params: ['context'], result: false },
  proxy_on_queue_ready: { params: ['context', 'size'], result: false },
  proxy_on_foreign_function: { params: ['context', 'call', 'size'], result: false },
  proxy_on_new_connection: { params: ['context'], result: true, otherwise: 0 },
  proxy_on_downstream_data: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_upstream_data: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_downstream_connection_close: { params: ['context', 'size'], result: false },
  proxy_on_upstream_connection_close: { params: ['context', 'size'], result: false },
  proxy_on_request_headers: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_request_body: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_request_trailers: { params: ['context', 'size'], result: true, otherwise: 0 },
  proxy_on_response_headers: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_response_body: { params: ['context', 'size', 'end'], result: true, otherwise: 0 },
  proxy_on_response_trailers: { params: ['context', 'size'], result: true, otherwise: 0 },
  proxy_on_http_call_response: {
    params: ['context', 'call', 'size', 'bodySize', 'trailers'],
    result: false,
  },
  proxy_on_grpc_receive_initial_metadata: { params: ['context', 'call', 'size'], result: false },
  proxy_on_grpc_receive: { params: ['context', 'call', 'size'], result: false },
  proxy_on_grpc_receive_trailing_metadata: { params: ['context', 'call', 'size'], result: false },
  proxy_on_grpc_close: { params: ['context', 'call', 'size'], result: false },
  proxy_on_done: { params: ['context'], result: true, otherwise: 1 },
  proxy_on_log: { params: ['context'], result: false },
  proxy_on_delete: { params: ['context'], result: false },
} as const;

export type CallbackName = keyof typeof CALLBACKS;

/** What a guest does in each callback. A callback that is not listed is not exported. */
export interface GuestScript {
  /** Default 0.2.1. */
  abi?: '0.1.0' | '0.2.0' | '0.2.1';
  callbacks: Partial<Record<CallbackName, readonly Operation[]>>;
  /** Text put among the module's fields as it is: further imports, functions, exports. */
  extra?: string;
  /** Export name of the allocator; null: none. Default proxy_on_memory_allocate. */
  allocator?: string | null;
  /** Body of the allocator function `(param $size i32) (result i32)`; default: a bump allocator. */
  allocatorBody?: string;
}

const MEMORY_PAGES = 4;

/** The text of the module that does what `script` says. */
function guestText(script: GuestScript): string {
  const data = new GuestData();
  const functions = Object.entries(script.callbacks).map(([name, operations]) =>
    callbackText(name as CallbackName, operations, data),
  );
  const abi = (script.abi ?? '0.2.1').replaceAll('.', '_');
  const allocator = script.allocator === undefined ? 'proxy_on_memory_allocate' : script.allocator;
  return data.finish(`(module
${data.imports()}
(memory (export "memory") ${String(MEMORY_PAGES)})
(global $heap (mut i32) (i32.const ${String(data.heapStart())}))
(global $status (mut i32) (i32.const 0))
(func (export "proxy_abi_version_${abi}"))
(func $allocate (param $size i32) (result i32)
${script.allocatorBody ?? BUMP_ALLOCATOR})
${allocator === null ? '' : `(export "${allocator}" (func $allocate))`}
${LIBRARY}
${functions.join('\n')}
${script.extra ?? ''}
${data.segments()})`);
}

/** The module that does what `script` says. */
export async function guest(script: GuestScript): Promise<Uint8Array> {
  return assemble(guestText(script));
}

let wabt: ReturnType<typeof wabtModule> | undefined;

/** WebAssembly text to bytes. */
export async function assemble(text: string): Promise<Uint8Array> {
  wabt ??= wabtModule();
  const module = (await wabt).parseWat('guest.wat', text, {
    exceptions: true,
    tail_call: true,
    bulk_memory: true,
    simd: true,
  });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

function callbackText(
  name: CallbackName,
  operations: readonly Operation[],
  data: GuestData,
): string {
  const callback = CALLBACKS[name];
  const params = callback.params.map((param) => `(param $${param} i32)`).join(' ');
  const code = operations.map((operation) => compileOperation(operation, data)).join('\n');
  const result = callback.result ? '(result i32)' : '';
  const otherwise = callback.result ? `(i32.const ${String(callback.otherwise)})` : '';
  return `(func (export "${name}") ${params} ${result} (local $i i32)
(global.set $heap (i32.const ${data.heapPlaceholder}))
${code}
${otherwise})`;
}

const BUMP_ALLOCATOR = `(local $at i32)
(local.set $at (global.get $heap))
(global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
(block $done (loop $more
  (br_if $done (i32.ge_u (i32.mul (memory.size) (i32.const 65536)) (global.get $heap)))
  (br_if $done (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
  (br $more)))
(local.get $at)`;

/**
 * $say logs [ptr, len); $sayStatus logs "status N" of the last hostcall; $number writes a decimal
 * at $at and answers the address after it. Addresses 0 and 4 are the out slots of hostcalls.
 */
const LIBRARY = `
(func $say (param $ptr i32) (param $len i32)
  (drop (call $proxy_log (i32.const 2) (local.get $ptr) (local.get $len))))
(func $number (param $at i32) (param $value i32) (result i32) (local $rest i32)
  (local.set $rest (i32.div_u (local.get $value) (i32.const 10)))
  (if (local.get $rest) (then (local.set $at (call $number (local.get $at) (local.get $rest)))))
  (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
  (i32.add (local.get $at) (i32.const 1)))
(func $sayNumber (param $value i32)
  (call $say (i32.const 16) (i32.sub (call $number (i32.const 16) (local.get $value)) (i32.const 16))))
(func $sayNumbers (param $a i32) (param $b i32) (local $at i32)
  (local.set $at (call $number (i32.const 16) (local.get $a)))
  (i32.store8 (local.get $at) (i32.const 32))
  (local.set $at (call $number (i32.add (local.get $at) (i32.const 1)) (local.get $b)))
  (call $say (i32.const 16) (i32.sub (local.get $at) (i32.const 16))))
(func $sayStatus
  (i64.store (i32.const 16) (i64.const 0x20737574617473))
  (call $say (i32.const 16) (i32.sub (call $number (i32.const 23) (global.get $status)) (i32.const 16))))
(func $sayResult
  (if (global.get $status)
    (then (call $sayStatus))
    (else (call $say (i32.load (i32.const 0)) (i32.load (i32.const 4))))))`;
