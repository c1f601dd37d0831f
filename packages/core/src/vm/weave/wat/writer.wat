  ;; Writes WebAssembly's encodings.

  ;; Of the next byte that is written.
  (global $out (export "out") (mut i32) (i32.const 0))
  ;; Offset of what has not been copied yet.
  (global $copied (mut i32) (i32.const 0))
  ;; Where the next mark goes: from $out to an offset in what is woven, and to the other column.
  (global $marksEnd (export "marksEnd") (mut i32) (i32.const 0))
  (global $toWoven (mut i32) (i32.const 0))
  (global $toOriginal (mut i32) (i32.const 0))

  ;; Writes up to eight bytes, the lowest first.
  (func $write (param $bytes i64) (param $count i32)
    (i64.store (global.get $out) (local.get $bytes))
    (global.set $out (i32.add (global.get $out) (local.get $count))))

  (func $byte (param $byte i32)
    (i32.store8 (global.get $out) (local.get $byte))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  (func $writeU32 (param $value i32)
    (loop $more
      (if (i32.gt_u (local.get $value) (i32.const 0x7f)) (then
        (call $byte (i32.or (local.get $value) (i32.const 0x80)))
        (local.set $value (i32.shr_u (local.get $value) (i32.const 7)))
        (br $more))))
    (call $byte (local.get $value)))

  (func $writeS32 (param $value i32)
    (loop $more
      (if (i32.gt_u (i32.add (local.get $value) (i32.const 0x40)) (i32.const 0x7f)) (then
        (call $byte (i32.or (local.get $value) (i32.const 0x80)))
        (local.set $value (i32.shr_s (local.get $value) (i32.const 7)))
        (br $more))))
    (call $byte (i32.and (local.get $value) (i32.const 0x7f))))

  ;; An instruction, and the index that follows it.
  (func $op (param $opcode i32) (param $index i32)
    (call $byte (local.get $opcode))
    (call $writeU32 (local.get $index)))

  ;; The instruction that gives a number: i32.const.
  (func $number (param $value i32)
    (call $byte (i32.const 0x41))
    (call $writeS32 (local.get $value)))

  ;; Writes a number into five bytes that were left for it.
  (func $fill (param $at i32) (param $value i32)
    (local $last i32)
    (local.set $last (i32.add (local.get $at) (i32.const 4)))
    (loop $more
      (i32.store8 (local.get $at) (i32.or (local.get $value) (i32.const 0x80)))
      (local.set $value (i32.shr_u (local.get $value) (i32.const 7)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (local.get $last))))
    (i32.store8 (local.get $at) (local.get $value)))

  (func $copyUpTo (param $end i32)
    (call $copy (global.get $copied) (local.get $end))
    (global.set $copied (local.get $end)))

  (func $copy (param $from i32) (param $end i32)
    (local $count i32)
    (local.set $count (i32.sub (local.get $end) (local.get $from)))
    (memory.copy (global.get $out) (local.get $from) (local.get $count))
    (global.set $out (i32.add (global.get $out) (local.get $count))))

  ;; Notes that code goes on here as it did there.
  (func $mark
    (i32.store (global.get $marksEnd) (i32.add (global.get $out) (global.get $toWoven)))
    (i32.store (i32.add (global.get $marksEnd) (global.get $toOriginal)) (global.get $copied))
    (global.set $marksEnd (i32.add (global.get $marksEnd) (i32.const 4))))
