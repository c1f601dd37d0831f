/**
 * A generated guest that exports, for each hostcall, a function which passes its arguments on: so
 * every hostcall is tried over a real boundary. Its memory is full of `~` (which any header may be
 * called), and what a call may
 * write is compared byte by byte, so an overrun shows.
 */
import { expect } from 'vitest';

import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { LogLevel, Status, type AbiVersion } from '../../src/abi/types.js';
import { RestrictedContext } from '../../src/contexts/vm-context.js';
import { createEnvImports } from '../../src/hostcalls/table.js';
import {
  createServices,
  type HostServices,
  type ServiceOptions,
} from '../../src/services/host-services.js';
import { HeaderList } from '../../src/stream/header-list.js';
import type { CallStarted, UpstreamCallPorts } from '../../src/vm/call-ports.js';
import {
  Context,
  type ForeignOutcome,
  type GuestBuffer,
  type HeaderMap,
  type LocalResponse,
  type PropertyValue,
  type RootContext,
  type SetPropertyResult,
} from '../../src/vm/context.js';
import { Vm } from '../../src/vm/vm.js';
import { assemble } from './wat.js';

export const PAGE = 65_536;
export const FILL = '~'.charCodeAt(0);
/** Where results are asked for; unaligned on purpose. */
export const OUT = 1_001;
export const OUT_2 = 1_013;
export const OUT_3 = 1_025;
const INPUT = 4_096;
/** The first block that the guest's allocator gives. */
export const HEAP = PAGE;

/** What the guest's allocator does. */
export const Allocator = {
  GIVES: 0,
  ZERO: 1,
  OUT_OF_RANGE: 2,
  TRAPS: 3,
  GROWS: 4,
  LOGS: 5,
  ASKS: 6,
};

/** A context that answers what a test puts into it and remembers what it was asked to do. */
export class FakeContext extends Context implements RootContext {
  override readonly root: this = this;
  readonly logs: [LogLevel, string][] = [];
  readonly events: unknown[] = [];
  readonly maps = new Map<number, HeaderMap>();
  readonly mutableMaps = new Map<number, HeaderMap>();
  readonly buffers = new Map<number, GuestBuffer>();
  readonly properties = new Map<string, PropertyValue>();
  readonly stored = new Map<string, Uint8Array>();
  level: LogLevel = LogLevel.TRACE;
  setPropertyResult: SetPropertyResult = 'ok';
  waitsForDone = false;
  status = { code: 0, message: '' };
  /** What starting a call to an upstream comes to, and every other hostcall about one. */
  callStarted: CallStarted = { status: Status.OK, id: 7 };

  countTrap(): void {
    this.events.push('trap');
  }

  override log(level: LogLevel, message: string): void {
    this.logs.push([level, message]);
  }
  override logLevel(): LogLevel {
    return this.level;
  }
  override headerMap(type: number): HeaderMap | undefined {
    return this.maps.get(type);
  }
  override mutableHeaderMap(type: number): HeaderMap | undefined {
    return this.mutableMaps.get(type);
  }
  override buffer(type: number): GuestBuffer | undefined {
    return this.buffers.get(type);
  }
  override continueStream(type: number): void {
    this.events.push(['continue', type]);
  }
  override closeStream(type: number): void {
    this.events.push(['close', type]);
  }
  override sendLocalResponse(response: LocalResponse): void {
    this.events.push(response);
  }
  override property(path: readonly string[]): PropertyValue | undefined {
    return this.properties.get(path.join('.'));
  }
  override setProperty(path: string, value: Uint8Array): SetPropertyResult {
    if (this.setPropertyResult === 'ok') this.stored.set(path, value);
    return this.setPropertyResult;
  }
  override done(): boolean {
    return this.waitsForDone;
  }
  override callStatus(): { code: number; message: string } {
    return this.status;
  }

  override get calls(): UpstreamCallPorts {
    const start =
      (kind: string) =>
      (...values: unknown[]): CallStarted => {
        this.events.push([kind, ...values]);
        return this.callStarted;
      };
    const act =
      (kind: string) =>
      (...values: unknown[]): Status => {
        this.events.push([kind, ...values]);
        return this.callStarted.status;
      };
    return {
      http: { start: start('http call') },
      grpc: {
        call: start('grpc call'),
        stream: start('grpc stream'),
        send: act('grpc send'),
        cancel: act('grpc cancel'),
        close: act('grpc close'),
      },
    };
  }

  onTick(): void {
    this.events.push('tick');
  }
  onQueueReady(queueId: number): void {
    this.events.push(['queue ready', queueId]);
  }
  onForeignFunction(context: Context, callId: number, outcome: ForeignOutcome): void {
    this.events.push(['foreign function', context.id, callId, outcome]);
  }
  declareProperty(name: string, readOnly: boolean): boolean {
    if (this.declared.has(name)) return false;
    this.declared.set(name, readOnly);
    return true;
  }
  readonly declared = new Map<string, boolean>();
  atEnd(cleanup: () => void): void {
    this.cleanups.push(cleanup);
  }
  /** What the services want to be told of when the context ends. */
  readonly cleanups: (() => void)[] = [];

  /** A map that can be read and changed. */
  hold(type: number, entries: string[]): HeaderList {
    const map = new HeaderList([...entries]);
    this.maps.set(type, map);
    this.mutableMaps.set(type, map);
    return map;
  }
}

/** A buffer that takes what it is given, or nothing. */
export class FakeBuffer implements GuestBuffer {
  readonly sets: { start: number; length: number; data: Uint8Array }[] = [];
  readonly #bytes: Uint8Array;
  readonly #writable: boolean;

  constructor(bytes: Uint8Array, writable = true) {
    this.#bytes = bytes;
    this.#writable = writable;
  }
  get length(): number {
    return this.#bytes.length;
  }
  copyTo(target: Uint8Array, start: number, length: number): void {
    target.set(this.#bytes.subarray(start, start + length));
  }
  set(start: number, length: number, data: Uint8Array): boolean {
    this.sets.push({ start, length, data });
    return this.#writable;
  }
}

export interface GuestOptions {
  abiVersion?: AbiVersion;
  allowed?: (name: string) => boolean;
  vmId?: string;
  services?: ServiceOptions;
}

export type Argument = number | bigint;

export class HostcallGuest {
  readonly vm: Vm;
  readonly context = new FakeContext(1);
  readonly own = new FakeContext(0);
  readonly services: HostServices;
  #exports: Record<string, unknown> = {};
  #input = INPUT;
  #snapshot = Buffer.alloc(0);

  constructor({
    abiVersion = '0.2.1',
    allowed = () => true,
    vmId = '',
    services = {},
  }: GuestOptions) {
    this.services = createServices(services);
    const identity = {
      vmId,
      abiVersion,
      configuration: Buffer.alloc(0),
      environment: {},
      allowed,
    };
    this.vm = new Vm(
      identity,
      () => this.own,
      (vm) => new RestrictedContext(vm),
    );
    this.vm.contexts.set(1, this.context);
  }

  async start(): Promise<this> {
    const imports = createEnvImports(this.vm, this.services) as Record<string, () => unknown>;
    const bytes = await assembleCached(Object.keys(imports));
    const { instance } = await WebAssembly.instantiate(bytes, { env: imports });
    this.#exports = instance.exports;
    const memory = this.#exports['memory'] as WebAssembly.Memory;
    new Uint8Array(memory.buffer).fill(FILL);
    this.vm.bind(instance.exports, memory);
    return this;
  }

  get memory(): Buffer {
    return Buffer.from((this.#exports['memory'] as WebAssembly.Memory).buffer);
  }

  set allocator(mode: number) {
    (this.#exports['mode'] as WebAssembly.Global).value = mode;
  }

  /** Puts bytes (text: one per character) into the guest: address and size, to be passed on. */
  put(content: string | Uint8Array): [number, number] {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
    const ptr = this.#input;
    this.memory.set(bytes, ptr);
    this.#input += bytes.length + 3;
    return [ptr, bytes.length];
  }

  /** Makes the hostcall, as from a callback of the context. */
  call(name: string, ...values: Argument[]): number {
    this.#snapshot = Buffer.from(this.memory);
    return this.again(name, ...values);
  }

  /** As {@link call}, for what is compared together with the call before it. */
  again(name: string, ...values: Argument[]): number {
    this.vm.enter(this.context);
    try {
      return this.run(name, ...values);
    } finally {
      this.vm.leave();
    }
  }

  /** The bare call: the caller has entered the VM. */
  run(name: string, ...values: Argument[]): number {
    return (this.#exports[name] as (...values: Argument[]) => number)(...values);
  }

  /** The memory is as it was before the call, but for these bytes. */
  expectWritten(...writes: [ptr: number, bytes: Uint8Array | string][]): void {
    const expected = Buffer.from(this.#snapshot);
    for (const [ptr, content] of writes) {
      expected.set(typeof content === 'string' ? Buffer.from(content, 'latin1') : content, ptr);
    }
    const actual = this.memory.subarray(0, expected.length);
    if (actual.equals(expected)) return;
    const at = actual.findIndex((byte, index) => byte !== expected[index]);
    const around = (bytes: Buffer): string => bytes.subarray(at, at + 64).toString('latin1');
    expect(`at ${at}: ${around(actual)}`).toBe(`at ${at}: ${around(expected)}`);
  }

  /** The call handed this block to the guest, at the first address its allocator gave. */
  expectReturned(bytes: Uint8Array | string, ptrAt = OUT, sizeAt = OUT_2): void {
    const size = bytes.length;
    const ptr = size === 0 ? 0 : HEAP;
    this.expectWritten([HEAP, bytes], [ptrAt, u32(ptr)], [sizeAt, u32(size)]);
  }

  /** No byte below the allocator's blocks has changed. */
  expectWrittenOnlyToHeap(): void {
    const low = this.memory.subarray(0, HEAP);
    expect(low.equals(this.#snapshot.subarray(0, HEAP)), 'memory below the heap').toBe(true);
  }

  /** Gives back every block, and fills the memory anew: for tests that call thousands of times. */
  rewind(): void {
    (this.#exports['next'] as WebAssembly.Global).value = HEAP;
    this.memory.fill(FILL);
    this.#input = INPUT;
  }

  /** How often the allocator was asked. */
  get allocations(): number {
    return (this.#exports['allocations'] as WebAssembly.Global).value as number;
  }
}

export async function hostcallGuest(options: GuestOptions = {}): Promise<HostcallGuest> {
  return new HostcallGuest(options).start();
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** Pairs as the ABI has them, written out plainly. */
export function pairs(...entries: string[]): Buffer {
  const parts = entries.map((entry) => Buffer.from(`${entry}\0`, 'latin1'));
  const lengths = entries.map(({ length }) => u32(length));
  return Buffer.concat([u32(entries.length / 2), ...lengths, ...parts]);
}

/** Parameter types of a hostcall, `i32` and `i64`. */
export function parametersOf(name: string): string[] {
  const params = signature(name).split(') -> ')[0]?.slice(1) ?? '';
  return params === '' ? [] : params.split(', ');
}

function signature(name: string): string {
  const known = HOSTCALL_SIGNATURES[name];
  if (known === undefined) throw new Error(`no signature of ${name}`);
  return known.signature;
}

const modules = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

function assembleCached(names: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const key = names.join();
  const module = modules.get(key) ?? assemble(passThrough(names));
  modules.set(key, module);
  return module;
}

/** `malloc` gives blocks of 4 KiB multiples from the second page on, as its mode says. */
const ALLOCATOR = `
  (global $mode (export "mode") (mut i32) (i32.const 0))
  (global $allocations (export "allocations") (mut i32) (i32.const 0))
  (global $next (export "next") (mut i32) (i32.const ${HEAP}))
  (func (export "malloc") (param $size i32) (result i32)
    (local $ptr i32)
    (global.set $allocations (i32.add (global.get $allocations) (i32.const 1)))
    (if (i32.eq (global.get $mode) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eq (global.get $mode) (i32.const 2)) (then (return (i32.const -16))))
    (if (i32.eq (global.get $mode) (i32.const 3)) (then unreachable))
    (if (i32.eq (global.get $mode) (i32.const 4)) (then (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (global.get $mode) (i32.const 5))
      (then (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 3)))))
    (if (i32.eq (global.get $mode) (i32.const 6)) (then (drop (call $proxy_done))))
    (local.set $ptr (global.get $next))
    (global.set $next (i32.and (i32.const -4096)
      (i32.add (i32.add (local.get $ptr) (local.get $size)) (i32.const 4095))))
    (local.get $ptr))`;

function passThrough(names: string[]): string {
  const types = (list: string[], kind: string): string =>
    list.length === 0 ? '' : `(${kind} ${list.join(' ')})`;
  const imports: string[] = [];
  const functions: string[] = [];
  for (const name of names) {
    const params = parametersOf(name);
    const results = signature(name).endsWith('()') ? [] : ['i32'];
    const type = `${types(params, 'param')} ${types(results, 'result')}`;
    const values = params.map((_, index) => `(local.get ${index})`).join(' ');
    imports.push(`(import "env" "${name}" (func $${name} ${type}))`);
    functions.push(`(func (export "${name}") ${type} (call $${name} ${values}))`);
  }
  return `(module ${imports.join('\n')} (memory (export "memory") 4) ${ALLOCATOR} ${functions.join('\n')})`;
}
