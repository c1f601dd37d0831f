  ;; Behind what $u32 has read.
  (global $next (mut i32) (i32.const 0))

  ;; Reads an unsigned LEB128; one of more than 32 bits as -1, which is too large for all it is.
  (func $u32 (param $at i32) (result i32)
    (local $byte i32) (local $value i32) (local $shift i32)
    (local.set $value (i32.load8_u (local.get $at)))
    (if (i32.lt_u (local.get $value) (i32.const 0x80)) (then
      (global.set $next (i32.add (local.get $at) (i32.const 1)))
      (return (local.get $value))))
    (local.set $value (i32.const 0))
    (loop $more
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.eq (local.get $shift) (i32.const 28))
        (then (if (i32.gt_u (local.get $byte) (i32.const 0x0f)) (then (return (i32.const -1))))))
      (local.set $value (i32.or (local.get $value)
        (i32.shl (i32.and (local.get $byte) (i32.const 0x7f)) (local.get $shift))))
      (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
      (br_if $more (i32.ge_u (local.get $byte) (i32.const 0x80))))
    (global.set $next (local.get $at))
    (local.get $value))

  ;; How many bytes the largest function has, its size included, as far as the sizes are good.
  (func (export "largestFunction") (param $at i32) (result i32)
    (local $count i32) (local $size i32) (local $largest i32)
    (local.set $count (global.get $bodyCount))
    (block $done (loop $more
      (br_if $done (i32.eqz (local.get $count)))
      (br_if $done (i32.ge_u (local.get $at) (global.get $end)))
      (local.set $size (call $u32 (local.get $at)))
      (br_if $done
        (i32.gt_u (local.get $size) (i32.sub (global.get $end) (global.get $next))))
      (local.set $size (i32.sub (i32.add (global.get $next) (local.get $size)) (local.get $at)))
      (if (i32.gt_u (local.get $size) (local.get $largest))
        (then (local.set $largest (local.get $size))))
      (local.set $at (i32.add (local.get $at) (local.get $size)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $more)))
    (local.get $largest))
