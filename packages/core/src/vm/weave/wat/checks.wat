  ;; The checks as they stand in the code: they count units, and look at the clock when these are spent.
  ;; The functions and the global that they use, added.ts writes.

  (global $units (mut i32) (i32.const 0))
  (global $look (mut i32) (i32.const 0))
  (global $charge (mut i32) (i32.const 0))
  (global $refill (mut i32) (i32.const 0))

  ;; i32.const 0  i32.lt_s  if
  (func $ifBelowZero
    (call $write (i64.const 0x4004480041) (i32.const 5)))

  ;; At the entry of a function: takes units from those that are left.
  (func $payAtEntry (param $cost i32)
    (call $op (i32.const 0x23) (global.get $units)) ;; global.get
    (call $number (local.get $cost))
    (call $byte (i32.const 0x6b)) ;; i32.sub
    (call $op (i32.const 0x24) (global.get $units)) ;; global.set
    (call $op (i32.const 0x23) (global.get $units))
    (call $ifBelowZero)
    (call $op (i32.const 0x10) (global.get $look)) ;; call
    (call $byte (i32.const 0x0b))) ;; end

  ;; Behind it, in a function with loops: what they may use, in a local.
  (func $setLoopUnits (param $local i32) (param $units i32)
    (call $number (local.get $units))
    (call $op (i32.const 0x21) (local.get $local))) ;; local.set

  ;; At the head of a loop: takes units from its function's local.
  (func $payInLoop (param $local i32) (param $cost i32)
    (call $take (local.get $local) (local.get $cost))
    (call $ifBelowZero)
    (call $refillLocal (local.get $local)))

  ;; Before a small loop: one around it, with the call for more units, so that there is none inside.
  (func $openOuterLoop (param $local i32) (param $type i32)
    (call $byte (i32.const 0x03)) ;; loop
    (call $byte (local.get $type))
    (call $op (i32.const 0x20) (local.get $local)) ;; local.get
    (call $ifBelowZero)
    (call $refillLocal (local.get $local)))

  ;; At the head of the loop inside.
  (func $payInSmallLoop (param $local i32) (param $cost i32)
    (call $take (local.get $local) (local.get $cost))
    ;; i32.const 0  i32.lt_s  br_if 1
    (call $write (i64.const 0x010d480041) (i32.const 5)))

  (func $take (param $local i32) (param $cost i32)
    (call $op (i32.const 0x20) (local.get $local)) ;; local.get
    (call $number (local.get $cost))
    (call $byte (i32.const 0x6b)) ;; i32.sub
    (call $op (i32.const 0x22) (local.get $local))) ;; local.tee

  (func $refillLocal (param $local i32)
    (call $op (i32.const 0x20) (local.get $local)) ;; local.get
    (call $op (i32.const 0x10) (global.get $refill)) ;; call
    (call $op (i32.const 0x21) (local.get $local)) ;; local.set
    (call $byte (i32.const 0x0b))) ;; end

  ;; Anywhere: takes units from those that are left.
  (func $pay (param $units i32)
    (call $number (local.get $units))
    (call $op (i32.const 0x10) (global.get $charge)) ;; call
    (call $mark))

  ;; Around an instruction whose last operand is how many bytes it moves.
  (func $payForLength (param $local i32) (param $end i32)
    (call $op (i32.const 0x22) (local.get $local)) ;; local.tee
    (call $mark)
    (call $copyUpTo (local.get $end))
    (call $op (i32.const 0x20) (local.get $local)) ;; local.get
    (call $number (global.get $bulkManyBytes))
    ;; i32.ge_u  if
    (call $write (i64.const 0x40044f) (i32.const 3))
    (call $op (i32.const 0x20) (local.get $local))
    (call $number (global.get $bulkShift))
    (call $byte (i32.const 0x76)) ;; i32.shr_u
    (call $op (i32.const 0x10) (global.get $charge))
    (call $byte (i32.const 0x0b)) ;; end
    (call $mark))
