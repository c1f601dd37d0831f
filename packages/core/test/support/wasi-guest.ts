/** A guest that exports every WASI function it imports, so that each is tried over a real boundary. */
import { LogLevel } from '../../src/abi/types.js';
import { WASI_SIGNATURES } from '../../src/abi/wasi-signatures.js';
import { RestrictedContext, VmContext } from '../../src/contexts/vm-context.js';
import type { LogSink } from '../../src/logger.js';
import { Vm, type VmIdentity } from '../../src/vm/vm.js';
import { WasiProcess } from '../../src/vm/wasi/process.js';
import { createWasiImports } from '../../src/vm/wasi/table.js';
import { assemble } from './wat.js';

const FILLER = '?'.charCodeAt(0);
export const MEMORY_BYTES = 65_536;

function trampoline(module: string, name: string, signature: string): string {
  const [params = '', results = ''] = signature.split(' -> ').map((part) => part.slice(1, -1));
  const types = params === '' ? [] : params.split(', ');
  const shape = `(param ${types.join(' ')}) ${results === '' ? '' : `(result ${results})`}`;
  const args = types.map((_type, index) => `(local.get ${String(index)})`).join(' ');
  return `(import "${module}" "${name}" (func $${name} ${shape}))
    (func (export "${name}") ${shape} (call $${name} ${args}))`;
}

/** The guest's text: all functions with their first signature, or others as given. */
function guestText(module: string, signatures: Readonly<Record<string, string>>): string {
  const parts = Object.entries(signatures).map(([name, text]) => trampoline(module, name, text));
  const imports = parts.map((part) => part.split('\n')[0]).join('\n');
  const functions = parts.map((part) => part.split('\n')[1]).join('\n');
  return `(module ${imports} (memory (export "memory") 1) ${functions})`;
}

const STANDARD = Object.fromEntries(
  Object.entries(WASI_SIGNATURES).map(([name, [first = '']]) => [name, first]),
);

/** A VM whose guest passes WASI calls on, its memory full of `?`, and what it logs. */
export async function wasiGuest(
  identity: Partial<VmIdentity> = {},
  signatures: Readonly<Record<string, string>> = STANDARD,
) {
  const lines: string[] = [];
  const log = {
    level: LogLevel.TRACE as LogLevel,
    write: (level: LogLevel, _fields: object, message: string) => {
      lines.push(`${String(level)} ${message.replace(/^wasm log: /, '')}`);
    },
  } satisfies LogSink;
  const vm = new Vm(
    {
      vmId: '',
      abiVersion: '0.2.1',
      configuration: new Uint8Array(0),
      environment: {},
      allowed: () => true,
      ...identity,
    },
    (self) => new VmContext(self, log),
    (self) => new RestrictedContext(self),
  );
  const process = new WasiProcess(vm);
  const module = 'wasi_snapshot_preview1';
  const { instance } = await WebAssembly.instantiate(
    await assemble(guestText(module, signatures)),
    { [module]: createWasiImports(process) },
  );
  const memory = instance.exports['memory'] as WebAssembly.Memory;
  const bytes = Buffer.from(memory.buffer);
  bytes.fill(FILLER);
  vm.bind(instance.exports, memory);
  return {
    vm,
    process,
    log,
    lines,
    bytes,
    call: (name: string, ...args: (number | bigint)[]): number =>
      (instance.exports[name] as (...values: (number | bigint)[]) => number)(...args),
    /** Addresses whose byte is no longer the filler. */
    written: (): number[] => [...bytes.keys()].filter((at) => bytes[at] !== FILLER),
  };
}
