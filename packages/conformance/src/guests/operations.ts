import { encodePairs } from './encode-pairs.js';
import type { GuestData } from './guest-data.js';
import { UPSTREAM_COMPILERS, type UpstreamOperation } from './upstream-operations.js';

type Pairs = readonly (readonly [string, string])[];

/** One thing that a generated guest does. Map, buffer and stream types are the ABI's numbers. */
export type Operation =
  | UpstreamOperation
  /** Logs a text at info level. */
  | { log: string }
  /** Logs the callback's first argument after the context (sizes, counts). */
  | { logSize: true }
  /** Logs "size end". */
  | { logSizeAndEnd: true }
  /** Logs the context's id. */
  | { logContext: true }
  /** Logs the status of the hostcall before it, as "status N". */
  | { logStatus: true }
  /** Logs the value, or "status N" where it is not Ok. */
  | { logHeader: readonly [map: number, name: string] }
  | { logPairs: number }
  | { logProperty: readonly string[] }
  | { logBuffer: readonly [buffer: number, start?: number, length?: number] }
  | { add: readonly [map: number, name: string, value: string] }
  | { replace: readonly [map: number, name: string, value: string] }
  | { remove: readonly [map: number, name: string] }
  | { setPairs: readonly [map: number, pairs: Pairs | Uint8Array] }
  | { setBuffer: readonly [buffer: number, start: number, length: number, data: string] }
  | { setProperty: readonly [path: string, value: string] }
  | {
      localResponse: {
        status: number;
        details?: string;
        body?: string;
        headers?: Pairs;
        grpcStatus?: number;
      };
    }
  | { continueStream: number }
  | { closeStream: number }
  /** 'kept': the one that keepContext kept last. */
  | { effectiveContext: number | 'kept' }
  /** Keeps the context's id, in one place for all. */
  | { keepContext: true }
  | { done: true }
  | { setTickPeriod: number }
  /** Logs the value, or "status N". */
  | { logSharedData: string }
  /** Without cas: with the one that logSharedData found last. */
  | { setSharedData: readonly [key: string, value: string, cas?: number] }
  /** These keep the queue's or metric's id, in one of the places 0 to 63. */
  | { registerQueue: readonly [place: number, name: string] }
  | { resolveQueue: readonly [place: number, vmId: string, name: string] }
  | { enqueue: readonly [place: number, message: string] }
  /** Logs the message, or "status N"; place 'event': of the queue that the callback names. */
  | { logDequeued: number | 'event' }
  | { defineMetric: readonly [place: number, type: number, name: string] }
  | { incrementMetric: readonly [place: number, delta: number] }
  | { recordMetric: readonly [place: number, value: number] }
  /** Logs the value, or "status N". */
  | { logMetric: number }
  /** Logs the result (of an asynchronous function: its call id, 4 bytes), or "status N". */
  | { callForeign: readonly [name: string, argument: string] }
  | { trap: true }
  | { loopForever: true }
  /** Does these only where the callback says end_of_stream. */
  | { atEnd: readonly Operation[] }
  | { beforeEnd: readonly Operation[] }
  /** Does these only the first time that a guest comes to any such operation. */
  | { once: readonly Operation[] }
  /** Does these only where the callback is about that call. */
  | { ofCall: readonly [id: number, operations: readonly Operation[]] }
  /** Does these only in the context of that id. */
  | { inContext: readonly [id: number, operations: readonly Operation[]] }
  /** Ends the callback with this result. */
  | { return: number }
  /** Any text of instructions; the stack must be as before after it. */
  | { wat: string };

type OperationName = Operation extends infer O ? (O extends unknown ? keyof O : never) : never;
type Compiler<N extends OperationName> = (
  value: Extract<Operation, Record<N, unknown>>[N],
  data: GuestData,
) => string;

const OUT = '(i32.const 0) (i32.const 4)';
const number = (value: number): string => `(i32.const ${String(value | 0)})`;
/** Where the cas of shared data goes, and the 64 places of ids. */
const CAS = '(i32.const 8)';
const PLACES = 512;
/** Not 0 once `once` has been done. */
const WAS_DONE = '(i32.const 500)';
const KEPT_CONTEXT = '(i32.const 496)';
const FOREIGN_OUT = `${number(PLACES - 8)} ${number(PLACES - 4)}`;
const placeAt = (place: number): string => number(PLACES + 4 * place);
const idAt = (place: number): string => `(i32.load ${placeAt(place)})`;

const COMPILERS: { [N in OperationName]: Compiler<N> } = {
  log: (text, data) => `(call $say ${data.bytes(text)})`,
  logSize: () => '(call $sayNumber (local.get $size))',
  logSizeAndEnd: () => '(call $sayNumbers (local.get $size) (local.get $end))',
  logContext: () => '(call $sayNumber (local.get $context))',
  logStatus: () => '(call $sayStatus)',
  logHeader: ([map, name], data) =>
    `${data.call('proxy_get_header_map_value', number(map), data.bytes(name), OUT)} (call $sayResult)`,
  logPairs: (map, data) =>
    `${data.call('proxy_get_header_map_pairs', number(map), OUT)} (call $sayResult)`,
  logProperty: (path, data) =>
    `${data.call('proxy_get_property', data.bytes(path.join('\0')), OUT)} (call $sayResult)`,
  logBuffer: ([buffer, start = 0, length = 0x7fffffff], data) =>
    `${data.call('proxy_get_buffer_bytes', number(buffer), number(start), number(length), OUT)} (call $sayResult)`,
  add: ([map, name, value], data) =>
    data.call('proxy_add_header_map_value', number(map), data.bytes(name), data.bytes(value)),
  replace: ([map, name, value], data) =>
    data.call('proxy_replace_header_map_value', number(map), data.bytes(name), data.bytes(value)),
  remove: ([map, name], data) =>
    data.call('proxy_remove_header_map_value', number(map), data.bytes(name)),
  setPairs: ([map, pairs], data) => {
    const bytes = pairs instanceof Uint8Array ? pairs : encodePairs(pairs);
    return data.call('proxy_set_header_map_pairs', number(map), data.bytes(bytes));
  },
  setBuffer: ([buffer, start, length, content], data) =>
    data.call(
      'proxy_set_buffer_bytes',
      number(buffer),
      number(start),
      number(length),
      data.bytes(content),
    ),
  setProperty: ([path, value], data) =>
    data.call('proxy_set_property', data.bytes(path), data.bytes(value)),
  localResponse: ({ status, details = '', body = '', headers = [], grpcStatus = -1 }, data) =>
    data.call(
      'proxy_send_local_response',
      number(status),
      data.bytes(details),
      data.bytes(body),
      data.bytes(encodePairs(headers)),
      number(grpcStatus),
    ),
  continueStream: (stream, data) => data.call('proxy_continue_stream', number(stream)),
  closeStream: (stream, data) => data.call('proxy_close_stream', number(stream)),
  effectiveContext: (id, data) =>
    data.call(
      'proxy_set_effective_context',
      id === 'kept' ? `(i32.load ${KEPT_CONTEXT})` : number(id),
    ),
  keepContext: () => `(i32.store ${KEPT_CONTEXT} (local.get $context))`,
  done: (_, data) => data.call('proxy_done'),
  setTickPeriod: (periodMs, data) =>
    data.call('proxy_set_tick_period_milliseconds', number(periodMs)),
  logSharedData: (key, data) =>
    `${data.call('proxy_get_shared_data', data.bytes(key), OUT, CAS)} (call $sayResult)`,
  setSharedData: ([key, value, cas], data) =>
    data.call(
      'proxy_set_shared_data',
      data.bytes(key),
      data.bytes(value),
      cas === undefined ? `(i32.load ${CAS})` : number(cas),
    ),
  registerQueue: ([place, name], data) =>
    data.call('proxy_register_shared_queue', data.bytes(name), placeAt(place)),
  resolveQueue: ([place, vmId, name], data) =>
    data.call('proxy_resolve_shared_queue', data.bytes(vmId), data.bytes(name), placeAt(place)),
  enqueue: ([place, message], data) =>
    data.call('proxy_enqueue_shared_queue', idAt(place), data.bytes(message)),
  logDequeued: (place, data) => {
    const queue = place === 'event' ? '(local.get $size)' : idAt(place);
    return `${data.call('proxy_dequeue_shared_queue', queue, OUT)} (call $sayResult)`;
  },
  defineMetric: ([place, type, name], data) =>
    data.call('proxy_define_metric', number(type), data.bytes(name), placeAt(place)),
  incrementMetric: ([place, delta], data) =>
    data.call('proxy_increment_metric', idAt(place), `(i64.const ${String(delta)})`),
  recordMetric: ([place, value], data) =>
    data.call('proxy_record_metric', idAt(place), `(i64.const ${String(value)})`),
  logMetric: (place, data) =>
    `${data.call('proxy_get_metric', idAt(place), CAS)}
    (if (global.get $status) (then (call $sayStatus)) (else (call $sayNumber (i32.load ${CAS}))))`,
  // Here an address of 0 means that no result is wanted.
  callForeign: ([name, argument], data) =>
    `${data.call('proxy_call_foreign_function', data.bytes(name), data.bytes(argument), FOREIGN_OUT)}
    (i64.store (i32.const 0) (i64.load ${number(PLACES - 8)})) (call $sayResult)`,
  trap: () => '(unreachable)',
  loopForever: () => '(loop $forever (br $forever))',
  atEnd: (operations, data) => `(if (local.get $end) (then ${compileAll(operations, data)}))`,
  beforeEnd: (operations, data) =>
    `(if (i32.eqz (local.get $end)) (then ${compileAll(operations, data)}))`,
  once: (operations, data) =>
    `(if (i32.eqz (i32.load ${WAS_DONE})) (then (i32.store ${WAS_DONE} (i32.const 1)) ${compileAll(operations, data)}))`,
  inContext: ([id, operations], data) =>
    `(if (i32.eq (local.get $context) ${number(id)}) (then ${compileAll(operations, data)}))`,
  ofCall: ([id, operations], data) =>
    `(if (i32.eq (local.get $call) ${number(id)}) (then ${compileAll(operations, data)}))`,
  ...UPSTREAM_COMPILERS,
  return: (value) => `(return ${number(value)})`,
  wat: (text) => text,
};

/** The instructions of one operation. */
export function compileOperation(operation: Operation, data: GuestData): string {
  const [name, value] = Object.entries(operation)[0] as [OperationName, never];
  return (COMPILERS[name] as Compiler<never>)(value, data);
}

function compileAll(operations: readonly Operation[], data: GuestData): string {
  return operations.map((operation) => compileOperation(operation, data)).join(' ');
}
