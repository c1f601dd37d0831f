/** Every code this package raises, with what it means. `docs/errors.md` lists the same set. */
export const ErrorCodes = {
  PW_ERR_OPTIONS_INVALID: 'An option is unknown, missing or of the wrong kind.',
  PW_ERR_CODE_NOT_FOUND: 'The module’s file could not be read, or there is none at its URL.',
  PW_ERR_CODE_SCHEME: 'The module’s URL has a scheme that this host does not load from.',
  PW_ERR_CODE_DIGEST: 'The module’s bytes do not have the sha256 that was given.',
  PW_ERR_CODE_FETCH: 'The module could not be fetched: no whole answer came, or an error.',
  PW_ERR_CODE_REFUSED: 'The server wants credentials, or others, or they could not be read.',
  PW_ERR_CODE_REDIRECT: 'The module’s URL redirects to where this host does not follow.',
  PW_ERR_CODE_TOO_LARGE: 'The module, or the layer that holds it, passes codeSource.maxBytes.',
  PW_ERR_CODE_IMAGE: 'The image in the registry has no module that could be found.',
  PW_ERR_MODULE_NOT_WASM: 'The bytes are not a WebAssembly module.',
  PW_ERR_MODULE_COMPONENT: 'The bytes are a WebAssembly component, not a core module.',
  PW_ERR_MODULE_INVALID: 'The engine refused the module.',
  PW_ERR_MODULE_ABI: 'The module has no proxy-wasm ABI marker that this host knows.',
  PW_ERR_MODULE_ALLOCATOR: 'The module exports neither malloc nor proxy_on_memory_allocate.',
  PW_ERR_MODULE_MEMORY: 'The module neither exports nor imports a memory that can be used.',
  PW_ERR_MODULE_MEMORY_SHARED: 'The module’s memory is shared with other threads.',
  PW_ERR_MODULE_MEMORY_LIMIT: 'The module needs more memory than limits.memoryBytes.',
  PW_ERR_MODULE_LIMITS: 'The module has what the limits can not be woven into.',
  PW_ERR_MODULE_IMPORTS: 'The module imports functions that this host does not have.',
  PW_ERR_MODULE_EXPORTS: 'The module exports a callback with a wrong signature.',
  PW_ERR_START_TRAPPED: 'The module trapped while it was starting.',
  PW_ERR_VM_START_REFUSED: 'proxy_on_vm_start returned false.',
  PW_ERR_CONFIGURE_REFUSED: 'proxy_on_configure returned false.',
  PW_ERR_START_TIMEOUT: 'The start took longer than limits.startTimeMs.',
  PW_ERR_SELF_TEST: 'The self-test of the app refused the new VM.',
  PW_ERR_CALLBACK_TRAPPED: 'A callback trapped; its VM is dead.',
  PW_ERR_CALLBACK_TIME: 'A callback ran for longer than limits.callbackTimeMs; its VM is dead.',
  PW_ERR_GUEST_EXITED: 'The guest called proc_exit, which ends its VM.',
  PW_ERR_HOSTCALL_RESTRICTED: 'The guest made a hostcall where none is allowed.',
  PW_ERR_PLUGIN_CLOSED: 'The plugin was closed.',
  PW_ERR_PLUGIN_FAILED: 'The VM that a plugin shares has failed in another plugin.',
  PW_ERR_SERVICE_THREAD: 'The thread of a service could not be started, or has ended.',
  PW_ERR_HOST_CLOSED: 'The host was closed.',
  PW_ERR_SHARED_STATE_FULL: 'A limit of the store for shared data would be passed.',
  PW_ERR_BODY_CONSUMED: 'The request body was read before the filter could see it.',
  PW_ERR_HTTP_SERVER: 'A TCP filter was given a server, or a connection, of HTTP.',
  PW_ERR_CONNECTION_CONSUMED: 'The connection was read before the filter could see it.',
  PW_ERR_ENVOY_SYNTAX: 'A configuration of Envoy’s is no YAML or JSON that can be read.',
  PW_ERR_ENVOY_INVALID: 'A configuration of Envoy’s has what Envoy would not take either.',
  PW_ERR_ENVOY_UNSUPPORTED: 'A configuration of Envoy’s asks for what is not here.',
  PW_ERR_ENVOY_AMBIGUOUS: 'A configuration of Envoy’s has several listeners, and none was chosen.',
} as const;

/** One of {@link ErrorCodes}: what to tell errors apart by. */
export type ErrorCode = keyof typeof ErrorCodes;

/** One function on a guest's stack when it trapped. */
export interface GuestFrame {
  /** From the module's name section, as it stands there; undefined: it has none. */
  readonly functionName: string | undefined;
  readonly functionIndex: number;
  /** Of the instruction, in the module as it came, bytes. */
  readonly offset: number;
  /** As the compiler was given it; undefined: the module does not say where its code comes from. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number | undefined;
  /** From 1. */
  readonly column: number | undefined;
}

/** One hostcall, or call of a WASI function. */
export interface RecentHostcall {
  readonly name: string;
  /** The status it answered, as `OK` or `NOT_FOUND`; undefined: none, or it has not returned. */
  readonly status: string | undefined;
}

export interface ErrorDetails {
  pluginName?: string | undefined;
  contextId?: number | undefined;
  callback?: string | undefined;
  cause?: unknown;
  guestStack?: readonly GuestFrame[] | undefined;
  hostcalls?: readonly RecentHostcall[] | undefined;
}

/** The one error class of this package. Match on `code`, not on the message or `instanceof`. */
export class ProxyWasmError extends Error {
  override readonly name = 'ProxyWasmError';
  readonly code: ErrorCode;
  readonly pluginName: string | undefined;
  readonly contextId: number | undefined;
  readonly callback: string | undefined;
  /** Where the guest was when its VM ended, innermost first; empty: it was not running. */
  readonly guestStack: readonly GuestFrame[];
  /** The last hostcalls before that, oldest first; undefined: they were not recorded. */
  readonly hostcalls: readonly RecentHostcall[] | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.pluginName = details.pluginName;
    this.contextId = details.contextId;
    this.callback = details.callback;
    this.guestStack = details.guestStack ?? [];
    this.hostcalls = details.hostcalls;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
