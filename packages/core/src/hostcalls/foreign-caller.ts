import type { ForeignFunctionContext } from '../options.js';
import type { ForeignCaller } from '../services/foreign/caller.js';
import type { Context, PropertyValue, SetPropertyResult } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';

/** The context that calls a foreign function, as app and host functions see it. */
export class GuestCaller implements ForeignCaller, ForeignFunctionContext {
  readonly vm: Vm;
  readonly #context: Context;

  constructor(vm: Vm, context: Context) {
    this.vm = vm;
    this.#context = context;
  }

  get pluginName(): string {
    return this.#ownName('plugin_name');
  }

  get rootId(): string {
    return this.#ownName('plugin_root_id');
  }

  get vmId(): string {
    return this.vm.identity.vmId;
  }

  get contextId(): number {
    return this.#context.id;
  }

  property(path: string | readonly string[]): PropertyValue | undefined {
    if (!this.#isAlive) return undefined;
    return this.#context.property(typeof path === 'string' ? path.split('.') : path);
  }

  setProperty(path: string, value: string | Uint8Array): SetPropertyResult {
    if (!this.#isAlive) return 'no-stream';
    // The app may go on using its bytes.
    return this.#context.setProperty(path, new Uint8Array(Buffer.from(value)));
  }

  declareProperty(name: string, readOnly: boolean): boolean {
    return this.#context.root?.declareProperty(name, readOnly) ?? false;
  }

  /** An asynchronous function may ask long after the stream has ended. */
  get #isAlive(): boolean {
    const { id } = this.#context;
    return this.vm.contexts.get(id) === this.#context;
  }

  #ownName(name: string): string {
    const value = this.#context.property([name]);
    return typeof value === 'string' ? value : '';
  }
}
