import { WASI_MODULES } from '../../abi/wasi-signatures.js';
import { messageOf } from '../../errors.js';
import type { Vm } from '../vm.js';
import { CALLBACKS, ENTRY_POINTS } from './callbacks.js';
import { describeResult, HOSTCALL_PARAMETERS } from './hostcalls.js';
import type { Parameter } from './parameters.js';
import type { TracedCall, Tracer, TraceValue } from './tracer.js';

type AnyFunction = (...args: (number | bigint)[]) => unknown;
type OpenCall = { -readonly [Key in keyof TracedCall]: TracedCall[Key] };

const DEFAULT_TEXT_BYTES = 1024;

/**
 * Stands between one VM and its host and tells a tracer what passes. It wraps functions when the VM is
 * made, so a VM that nobody traces has nothing of it in its way.
 */
export class CallTrace {
  readonly #vm: Vm;
  readonly #tracer: Tracer;
  readonly #pluginName: string;
  readonly #limitBytes: number;
  #depth = 0;

  constructor(vm: Vm, tracer: Tracer, pluginName: string) {
    this.#vm = vm;
    this.#tracer = tracer;
    this.#pluginName = pluginName;
    this.#limitBytes = tracer.textBytes ?? DEFAULT_TEXT_BYTES;
  }

  /** The same imports, with functions that tell of their calls. */
  wrapImports(imports: WebAssembly.Imports): WebAssembly.Imports {
    return mapValues(imports, (functions, module) =>
      mapValues(functions, (value, name) =>
        typeof value === 'function'
          ? this.#wrapHostcall(name, value as AnyFunction, WASI_MODULES.includes(module))
          : value,
      ),
    );
  }

  /** The same exports; those that the host calls tell of it. */
  wrapExports(exports: WebAssembly.Exports): WebAssembly.Exports {
    return mapValues(exports, (value, name) => {
      if (typeof value !== 'function') return value;
      const isCallback = Object.hasOwn(CALLBACKS, name);
      if (!isCallback && !ENTRY_POINTS.has(name)) return value;
      const fn = value as AnyFunction;
      return isCallback ? this.#wrapCallback(name, fn) : this.#wrapEntryPoint(name, fn);
    });
  }

  #wrapHostcall(name: string, fn: AnyFunction, isWasi: boolean): AnyFunction {
    const known = Object.hasOwn(HOSTCALL_PARAMETERS, name) ? HOSTCALL_PARAMETERS[name] : undefined;
    return (...args) => {
      const parameters = known ?? args.map(plainParameter);
      const values = args.map(toNumber);
      const call = this.#begin('hostcall', name, this.#vm.active.id, {
        ...this.#read(parameters, values, false),
      });
      return this.#run(call, fn, args, (value) => {
        call.result = describeResult(name, value, isWasi);
        if (value === 0 || value === undefined) call.results = this.#read(parameters, values, true);
      });
    };
  }

  #wrapCallback(name: string, fn: AnyFunction): AnyFunction {
    const callback = CALLBACKS[name];
    return (...args) => {
      const [contextId = 0, ...values] = args.map(toNumber);
      const given = this.#read(callback?.parameters ?? [], values, false);
      const call = this.#begin('callback', name, contextId, given);
      return this.#run(call, fn, args, (value) => {
        if (typeof value === 'number') call.result = callback?.result?.(value);
      });
    };
  }

  #wrapEntryPoint(name: string, fn: AnyFunction): AnyFunction {
    return (...args) => this.#run(this.#begin('callback', name, 0, {}), fn, args, () => undefined);
  }

  #read(
    parameters: readonly Parameter[],
    args: readonly number[],
    results: boolean,
  ): Record<string, TraceValue> {
    const { memory } = this.#vm;
    const values: Record<string, TraceValue> = {};
    let at = 0;
    for (const { name, width, isResult, read } of parameters) {
      const limitBytes = this.#limitBytes;
      if (isResult === results) values[name] = read({ memory, args, at, limitBytes });
      at += width;
    }
    return values;
  }

  #begin(
    kind: TracedCall['kind'],
    name: string,
    contextId: number,
    given: Readonly<Record<string, TraceValue>>,
  ): OpenCall {
    const call: OpenCall = {
      ...{ kind, name, pluginName: this.#pluginName, contextId, depth: this.#depth },
      ...{ arguments: given, startMs: performance.now(), durationMs: undefined },
      ...{ result: undefined, results: {}, thrown: undefined },
    };
    tell(() => this.#tracer.begin?.(call));
    this.#depth += 1;
    return call;
  }

  #run(
    call: OpenCall,
    fn: AnyFunction,
    args: (number | bigint)[],
    describe: (value: unknown) => void,
  ): unknown {
    try {
      const value = fn(...args);
      call.durationMs = performance.now() - call.startMs;
      describe(value);
      return value;
    } catch (error) {
      call.durationMs = performance.now() - call.startMs;
      call.thrown = messageOf(error);
      throw error;
    } finally {
      this.#depth -= 1;
      tell(() => this.#tracer.end?.(call));
    }
  }
}

/** Of an import that is not of the spec: as WebAssembly passes it. */
function plainParameter(_value: unknown, index: number): Parameter {
  const name = `argument_${String(index)}`;
  return { name, width: 1, isResult: false, read: ({ args, at }) => args[at] ?? 0 };
}

/** i32 come signed, and are addresses, sizes and ids. */
function toNumber(value: number | bigint): number {
  return typeof value === 'bigint' ? Number(value) : value >>> 0;
}

function mapValues<T>(
  object: Readonly<Record<string, T>>,
  change: (value: T, name: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, change(value, name)]),
  );
}

/** An error of the tracer is not the guest's. */
function tell(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
