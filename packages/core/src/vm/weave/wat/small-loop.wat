  ;; Has the branches of a small loop take one more loop around it into account, as small-loop.ts says,
  ;; to which what is rare is left. 0: it is not small, or can not have a loop around it. The walk has
  ;; been over it, and found neither loops nor calls in it.
  (func $makeRoomAround (param $header i32) (param $end i32) (param $localCount i32) (result i32)
    (local $at i32) (local $depth i32) (local $found i32) (local $count i32)
    (if (i32.gt_u (i32.sub (local.get $end) (local.get $header)) (i32.const 128))
      (then (return (i32.const 0))))
    ;; A type of more than one byte may have parameters.
    (if (i32.ne (i32.load8_u (i32.sub (local.get $header) (i32.const 2))) (i32.const 0x03))
      (then (return (i32.const 0))))
    (local.set $at (local.get $header))
    (local.set $depth (i32.const 1))
    ;; Offsets of the labels that are beyond the loop.
    (local.set $found (global.get $targets))
    (block $rare
      (loop $step
        (block $number (block $memarg (block $index (block $table (block $branch (block $end
        (block $block (block $plain
          (br_table
            ;; UNKNOWN, PLAIN, BLOCK, LOOP, TRY_TABLE, END, DELEGATE, BRANCH, BRANCH_TABLE
            $rare $plain $block $rare $rare $end $rare $branch $table
            ;; CALL, CALL_INDIRECT, CALL_REF, LOCAL, GLOBAL, TABLE, MEMARG, INDEX, NUMBER
            $rare $rare $rare $index $index $rare $memarg $rare $number
            ;; and the others
            $rare
            (i32.load8_u (i32.add (global.get $kinds) (i32.load8_u (local.get $at))))))
        ;; $plain: but those of exceptions
        (br_if $rare (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x0a)))
        (br_if $rare (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x19)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $step))
        ;; $block: but try
        (br_if $rare (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x06)))
        (br_if $rare (i32.eqz (call $isShortType (i32.load8_u offset=1 (local.get $at)))))
        (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (br $step))
        ;; $end
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
        (br_if $step (local.get $depth))
        (call $enlarge (global.get $targets) (local.get $found))
        (return (i32.const 1)))
        ;; $branch
        (local.set $count (i32.const 0))
        (global.set $next (i32.add (local.get $at) (i32.const 1))))
        ;; $table
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x0e)) (then
          (local.set $count (call $u32 (i32.add (local.get $at) (i32.const 1))))))
        (loop $more
          (local.set $at (global.get $next))
          (if (i32.ge_u (call $u32 (local.get $at)) (local.get $depth)) (then
            ;; One more must fit into the byte that it is in.
            (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 0x7e))
              (then (return (i32.const 0))))
            (i32.store (local.get $found) (local.get $at))
            (local.set $found (i32.add (local.get $found) (i32.const 4)))))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br_if $more (i32.ne (local.get $count) (i32.const -1))))
        (local.set $at (global.get $next))
        (br $step))
        ;; $index
        (drop (call $u32 (i32.add (local.get $at) (i32.const 1))))
        (local.set $at (global.get $next))
        (br $step))
        ;; $memarg
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $rare (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 0x40))))
        ;; $number
        (loop $more
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $more (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 0x80))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $step)))
    (call $hostMakesRoom (local.get $header) (local.get $end) (local.get $localCount)))

  ;; Makes the labels at these offsets one larger.
  (func $enlarge (param $offsets i32) (param $offsetsEnd i32)
    (local $at i32)
    (block $done (loop $more
      (br_if $done (i32.eq (local.get $offsets) (local.get $offsetsEnd)))
      (local.set $at (i32.load (local.get $offsets)))
      (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
      (local.set $offsets (i32.add (local.get $offsets) (i32.const 4)))
      (br $more))))
