/** Where the constants of a generated guest live, and which hostcalls it imports. */

const DATA_START = 1024;

const HOSTCALL_ARITY: Record<string, number> = {
  proxy_log: 3,
  proxy_get_log_level: 1,
  proxy_get_current_time_nanoseconds: 1,
  proxy_set_tick_period_milliseconds: 1,
  proxy_get_configuration: 2,
  proxy_get_status: 3,
  proxy_get_property: 4,
  proxy_set_property: 4,
  proxy_get_buffer_bytes: 5,
  proxy_get_buffer_status: 3,
  proxy_set_buffer_bytes: 5,
  proxy_get_header_map_pairs: 3,
  proxy_set_header_map_pairs: 3,
  proxy_get_header_map_size: 2,
  proxy_get_header_map_value: 5,
  proxy_add_header_map_value: 5,
  proxy_replace_header_map_value: 5,
  proxy_remove_header_map_value: 3,
  proxy_continue_request: 0,
  proxy_continue_response: 0,
  proxy_clear_route_cache: 0,
  proxy_continue_stream: 1,
  proxy_close_stream: 1,
  proxy_send_local_response: 8,
  proxy_http_call: 10,
  proxy_grpc_call: 12,
  proxy_grpc_stream: 9,
  proxy_grpc_send: 4,
  proxy_grpc_cancel: 1,
  proxy_grpc_close: 1,
  proxy_get_shared_data: 5,
  proxy_set_shared_data: 5,
  proxy_register_shared_queue: 3,
  proxy_resolve_shared_queue: 5,
  proxy_enqueue_shared_queue: 3,
  proxy_dequeue_shared_queue: 3,
  proxy_define_metric: 4,
  proxy_increment_metric: 2,
  proxy_record_metric: 2,
  proxy_get_metric: 2,
  proxy_set_effective_context: 1,
  proxy_done: 0,
  proxy_call_foreign_function: 6,
};

/** Their second parameter is an i64; everything else is an i32. */
const WIDE_HOSTCALLS = new Set(['proxy_increment_metric', 'proxy_record_metric']);

const HEAP_PLACEHOLDER = '@heap@';

export class GuestData {
  readonly heapPlaceholder = HEAP_PLACEHOLDER;
  readonly #segments: string[] = [];
  /** What was asked for before, where it is. */
  readonly #known = new Map<string | Uint8Array, string>();
  readonly #hostcalls = new Set<string>(['proxy_log']);
  #end = DATA_START;

  /** "(i32.const ptr) (i32.const len)" of constant bytes. */
  bytes(content: string | Uint8Array): string {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    if (bytes.length === 0) return '(i32.const 0) (i32.const 0)';
    const known = this.#known.get(content);
    if (known !== undefined) return known;
    const ptr = this.#end;
    const text = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    this.#segments.push(`(data (i32.const ${String(ptr)}) "${text}")`);
    this.#end += bytes.length;
    const place = `(i32.const ${String(ptr)}) (i32.const ${String(bytes.length)})`;
    this.#known.set(content, place);
    return place;
  }

  /** A call whose status goes to $status. */
  call(hostcall: string, ...operands: string[]): string {
    if (HOSTCALL_ARITY[hostcall] === undefined) throw new Error(`no hostcall ${hostcall}`);
    this.#hostcalls.add(hostcall);
    return `(global.set $status (call $${hostcall} ${operands.join(' ')}))`;
  }

  heapStart(): number {
    return (this.#end + 1023) & ~1023;
  }

  imports(): string {
    return [...this.#hostcalls]
      .map((name) => {
        const wide = WIDE_HOSTCALLS.has(name);
        const params = wide ? ' i32 i64' : ' i32'.repeat(HOSTCALL_ARITY[name] ?? 0);
        const param = params === '' ? '' : `(param${params})`;
        return `(import "env" "${name}" (func $${name} ${param} (result i32)))`;
      })
      .join('\n');
  }

  segments(): string {
    return this.#segments.join('\n');
  }

  /** The finished text, once every constant has its place. */
  finish(text: string): string {
    return text.replaceAll(HEAP_PLACEHOLDER, String(this.heapStart()));
  }
}
