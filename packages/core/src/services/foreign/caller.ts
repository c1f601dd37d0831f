import type { PropertyValue } from '../../abi/property-value.js';
import type { Status } from '../../abi/types.js';

/** Who calls a foreign function: the guest's effective context. */
export interface ForeignCaller {
  /** Stands for the VM: what a function keeps for it goes with it. */
  readonly vm: object;
  /** As the guest would read it; undefined where it is not there (any more). */
  property(path: readonly string[]): PropertyValue | undefined;
  /** As the guest would set it; its segments joined by zero bytes. */
  setProperty(path: string, value: Uint8Array): 'ok' | 'no-stream' | 'read-only' | 'full';
  /** Says what a property is before it is set. False: that was said before. */
  declareProperty(name: string, readOnly: boolean): boolean;
}

/** A function of Envoy's. Throws {@link ForeignFailure} where the guest is to get a status. */
export type BuiltInFunction = (
  argument: Uint8Array,
  caller: ForeignCaller,
) => Uint8Array | undefined;

/** How a function says which status the guest gets; anything else that is thrown is a 10. */
export class ForeignFailure extends Error {
  override readonly name = 'ForeignFailure';
  readonly status: Status;

  constructor(status: Status, message: string) {
    super(message);
    this.status = status;
  }
}
