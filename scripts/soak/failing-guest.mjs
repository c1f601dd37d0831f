/** A guest that takes part in everything, and fails at one request in so many: it counts them itself. */
import wabt from 'wabt';

/** @typedef {'trap' | 'loop'} Failure */

/** Which header the guest adds to requests and responses, so that its work can be seen. */
export const MARK = 'x-soak';

/** @type {Record<Failure, string>} */
const FAILURES = { trap: '(unreachable)', loop: '(loop $forever (br $forever))' };

/**
 * @param {Failure} failure
 * @param {number} every it fails at the request of this number, counted anew by each VM
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function failingGuest(failure, every) {
  const module = (await wabt()).parseWat('failing.wat', text(failure, every));
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** @param {Failure} failure @param {number} every */
function text(failure, every) {
  return `(module
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $requests (mut i32) (i32.const 0))
  (data (i32.const 16) "${MARK}")
  (data (i32.const 32) "seen")
  (func $mark (param $map i32)
    (drop (call $add (local.get $map)
      (i32.const 16) (i32.const ${MARK.length}) (i32.const 32) (i32.const 4))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
    (if (i32.eq (global.get $requests) (i32.const ${every})) (then ${FAILURES[failure]}))
    (call $mark (i32.const 0))
    (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $mark (i32.const 2))
    (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_delete") (param i32)))`;
}
