import { Status } from '../../abi/types.js';
import { ForeignFailure, type BuiltInFunction } from './caller.js';
import { Message } from './messages.js';

/** The routes that a request may take are looked at after the filters: there is nothing to forget. */
export const clearRouteCache: BuiltInFunction = () => undefined;

/**
 * `{ path = 1, value = 2, span = 3 }`: keeps a value that the chain's filters and the app find as
 * `filter_state.<path>`.
 *
 * Deviates: any path will do, where Envoy must have a factory for it; and the value is kept for the
 * request, whatever span is asked for.
 */
export const setEnvoyFilterState: BuiltInFunction = (argument, caller) => {
  const message = new Message(argument);
  const path = message.text(1);
  if (path === '') throw new ForeignFailure(Status.BAD_ARGUMENT, 'the path is empty');
  const result = caller.setProperty(`filter_state\0${path}`, message.bytes(2));
  if (result === 'no-stream') throw new ForeignFailure(Status.NOT_FOUND, 'there is no stream');
  if (result === 'read-only') {
    throw new ForeignFailure(Status.BAD_ARGUMENT, `${path} can not be changed`);
  }
  if (result === 'full') {
    throw new ForeignFailure(Status.INTERNAL_FAILURE, 'limits.propertyBytes is reached');
  }
  return undefined;
};

/**
 * `{ name = 1, readonly = 2, type = 3, schema = 4, span = 5 }`: says what a property is that the
 * plugin sets. A read-only one can be set once for each request. Its bytes are the same whatever
 * the type.
 *
 * Deviates: it is kept for the request, whatever span is asked for.
 */
export const declareProperty: BuiltInFunction = (argument, caller) => {
  const message = new Message(argument);
  const name = message.text(1);
  if (!caller.declareProperty(name, message.number(2) !== 0)) {
    throw new ForeignFailure(
      Status.BAD_ARGUMENT,
      `property "${name}" was declared before, or too many were`,
    );
  }
  return undefined;
};
