;; Has every piece of both bodies copied into its memory, and lets it pass.
(module
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes"
    (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "x-filter")
  (data (i32.const 32) "bodies")
  (func (export "proxy_abi_version_0_2_1"))
  ;; Always at the same place: a piece is done with when the callback returns.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub
        (i32.add (local.get $size) (i32.const 1024))
        (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (drop (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))))))
    (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_body") (param i32) (param $size i32) (param i32) (result i32)
    (call $read (i32.const 0) (local.get $size)))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop
      (call $add
        (i32.const 2)
        (i32.const 16) (i32.const 8)
        (i32.const 32) (i32.const 6)))
    (i32.const 0))
  (func (export "proxy_on_response_body") (param i32) (param $size i32) (param i32) (result i32)
    (call $read (i32.const 1) (local.get $size)))
  (func $read (param $buffer i32) (param $size i32) (result i32)
    (if (local.get $size)
      (then
        (if
          (call $bytes
            (local.get $buffer)
            (i32.const 0) (local.get $size)
            (i32.const 0) (i32.const 4))
          (then (unreachable)))))
    (i32.const 0)))
