import {
  ErrorCodes,
  messageOf,
  ProxyWasmError,
  type ErrorCode,
  type ErrorDetails,
} from '../errors.js';

/**
 * What was thrown, in a form that another thread can be sent: a structured clone forgets what kind
 * of error it was, and its code.
 */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly pluginName: string | undefined;
  readonly contextId: number | undefined;
  readonly callback: string | undefined;
  readonly cause: ErrorData | undefined;
}

interface NamedError {
  readonly name: string;
  readonly stack: string;
  readonly code: unknown;
}

/** An error that is its own cause, by whatever way, must end somewhere. */
const MAX_CAUSES = 4;

export function toErrorData(thrown: unknown, causes = MAX_CAUSES): ErrorData {
  const error = (thrown instanceof Error ? thrown : {}) as Partial<ErrorDetails & NamedError>;
  const { name = 'Error', stack, code, pluginName, contextId, callback, cause } = error;
  return {
    ...{ name, message: messageOf(thrown), stack, pluginName, contextId, callback },
    code: typeof code === 'string' ? code : undefined,
    cause: cause === undefined || causes === 0 ? undefined : toErrorData(cause, causes - 1),
  };
}

export function toError(data: ErrorData): Error {
  const { message, stack, code } = data;
  const cause = data.cause && toError(data.cause);
  const error = isErrorCode(code)
    ? new ProxyWasmError(code, message, { ...data, cause })
    : Object.assign(new Error(message, cause && { cause }), {
        name: data.name,
        ...(code === undefined ? {} : { code }),
      });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ErrorCodes, code);
}
