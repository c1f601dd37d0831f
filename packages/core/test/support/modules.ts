/** Small modules for tests of loading and starting, written as WebAssembly text. */
import { assemble } from './wat.js';

/** What a {@link filter} is made of, each replacing the usual part. */
export interface FilterParts {
  /** Imports, which come first in a module. */
  imports?: string;
  /** ABI marker's suffix, as `0_2_1`; '' for none. */
  abi?: string;
  memory?: string;
  allocator?: string;
  /** Everything else: callbacks, start functions, data. */
  body?: string;
}

export const ALLOCATOR = '(func (export "malloc") (param i32) (result i32) (i32.const 4096))';
export const LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))';

/** The text of a module that loads and starts: marker, memory, allocator, and what is given. */
export function filterText(parts: FilterParts = {}): string {
  const { imports = '', abi = '0_2_1', memory = '(memory (export "memory") 1)' } = parts;
  const marker = abi === '' ? '' : `(func (export "proxy_abi_version_${abi}"))`;
  return `(module ${imports} ${memory} ${marker} ${parts.allocator ?? ALLOCATOR} ${parts.body ?? ''})`;
}

/** The bytes of {@link filterText}. */
export function filter(parts: FilterParts = {}): Promise<Uint8Array<ArrayBuffer>> {
  return assemble(filterText(parts));
}

/** A function that logs `text` (which lies at `at`) at level info. */
export function logCall(at: number, text: string): string {
  return `(drop (call $log (i32.const 2) (i32.const ${String(at)}) (i32.const ${String(Buffer.byteLength(text))})))`;
}

/** Each of the callbacks exported, logging its own name; those that answer answer 1. */
export function loggingBody(names: readonly string[]): string {
  return names
    .map((name, index) => {
      const at = 64 * (index + 1);
      const { params, result } = SHAPES[name] ?? { params: '', result: '' };
      const answer = result === '' ? '' : '(i32.const 1)';
      return `(data (i32.const ${String(at)}) "${name}")
        (func (export "${name}") ${params} ${result} ${logCall(at, name)} ${answer})`;
    })
    .join('\n');
}

const RESULT = '(result i32)';
const SHAPES: Record<string, { params: string; result: string }> = {
  proxy_on_context_create: { params: '(param i32 i32)', result: '' },
  proxy_on_vm_start: { params: '(param i32 i32)', result: RESULT },
  proxy_on_configure: { params: '(param i32 i32)', result: RESULT },
  proxy_on_done: { params: '(param i32)', result: RESULT },
  proxy_on_log: { params: '(param i32)', result: '' },
  proxy_on_delete: { params: '(param i32)', result: '' },
  main: { params: '(param i32 i32)', result: RESULT },
  __main_void: { params: '', result: RESULT },
};
