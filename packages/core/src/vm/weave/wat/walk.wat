  ;; Steps over the code of a module, for the instructions that most code consists of, as
  ;; code-walker.ts says. What is rare or wrong is left to that: $run returns there, and goes on behind
  ;; it when it is called again.

  ;; Of the next byte.
  (global $at (export "at") (mut i32) (i32.const 0))
  ;; How many functions have been entered.
  (global $entered (export "entered") (mut i32) (i32.const 0))
  ;; Of the function: its end, its locals, and how many labels are open; none: it has ended.
  (global $functionEnd (export "functionEnd") (mut i32) (i32.const 0))
  (global $locals (export "locals") (mut i32) (i32.const 0))
  (global $depth (export "depth") (mut i32) (i32.const 0))
  ;; Address of the note of the innermost region.
  (global $region (export "region") (mut i32) (i32.const 0))
  ;; The dispatching loop that is open (below), by its place among the labels; -1: none is.
  (global $dispatch (export "dispatch") (mut i32) (i32.const -1))
  ;; Behind those of its blocks that are still open, among the labels.
  (global $blocksEnd (export "blocksEnd") (mut i32) (i32.const 0))
  ;; The two bytes that set the local which chooses where it goes on; -1 if none is open.
  (global $choosing (mut i32) (i32.const -1))
  (global $lastTarget (mut i32) (i32.const 0))

  ;; Adds a note of four numbers; answers its address.
  (func $note (param $0 i32) (param $1 i32) (param $2 i32) (param $3 i32) (result i32)
    (local $address i32)
    (local.set $address (global.get $notesEnd))
    (i32.store (local.get $address) (local.get $0))
    (i32.store offset=4 (local.get $address) (local.get $1))
    (i32.store offset=8 (local.get $address) (local.get $2))
    (i32.store offset=12 (local.get $address) (local.get $3))
    (global.set $notesEnd (i32.add (local.get $address) (i32.const 16)))
    (local.get $address))

  ;; The address of an open label, the innermost one being 0.
  (func $label (param $label i32) (result i32)
    (i32.add (global.get $labels) (i32.shl
      (i32.sub (i32.sub (global.get $depth) (i32.const 1)) (local.get $label)) (i32.const 2))))

  ;; Opens a label: of a loop with its note, of a block with -1.
  (func $open (param $note i32)
    (i32.store
      (i32.add (global.get $labels) (i32.shl (global.get $depth) (i32.const 2)))
      (local.get $note))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1))))

  ;; Something branches to a label, if that is open: a loop is one that repeats.
  (func $branch (param $label i32) (result i32)
    (local $note i32)
    (if (i32.ge_u (local.get $label) (global.get $depth)) (then (return (i32.const 0))))
    (local.set $note (i32.load (call $label (local.get $label))))
    (if (i32.ne (local.get $note) (i32.const -1))
      (then (i32.store (local.get $note) (i32.const -4))))
    (i32.const 1))

  ;; Whether a byte says all of a block's type: that it has none, or one number.
  (func $isShortType (param $byte i32) (result i32)
    (i32.or (i32.eq (local.get $byte) (i32.const 0x40))
      (i32.le_u (i32.sub (local.get $byte) (i32.const 0x7b)) (i32.const 4))))

  ;; Enters the function that begins here; 0: it has to be looked at closer.
  (func $enter (result i32)
    (local $size i32) (local $functionEnd i32) (local $groups i32) (local $count i32)
    (local $locals i32) (local $type i32) (local $region i32)
    (local.set $size (call $u32 (global.get $at)))
    (if (i32.gt_u (local.get $size) (i32.sub (global.get $end) (global.get $next)))
      (then (return (i32.const 0))))
    (local.set $functionEnd (i32.add (global.get $next) (local.get $size)))
    (local.set $locals (i32.load (i32.add (global.get $bodies)
      (i32.shl (global.get $entered) (i32.const 2)))))
    (local.set $groups (call $u32 (global.get $next)))
    (block $done (loop $more
      (br_if $done (i32.eqz (local.get $groups)))
      (if (i32.ge_u (global.get $next) (local.get $functionEnd)) (then (return (i32.const 0))))
      (local.set $count (call $u32 (global.get $next)))
      (if (i32.gt_u (local.get $count) (i32.const 10000)) (then (return (i32.const 0))))
      (local.set $locals (i32.add (local.get $locals) (local.get $count)))
      (if (i32.gt_u (local.get $locals) (i32.const 10000)) (then (return (i32.const 0))))
      (local.set $type (i32.load8_u (global.get $next)))
      (if (i32.or (i32.lt_u (local.get $type) (i32.const 0x7b))
            (i32.gt_u (local.get $type) (i32.const 0x7f)))
        (then (return (i32.const 0))))
      (global.set $next (i32.add (global.get $next) (i32.const 1)))
      (local.set $groups (i32.sub (local.get $groups) (i32.const 1)))
      (br $more)))
    (i32.store
      (i32.add (global.get $bodies) (i32.shl (global.get $entered) (i32.const 2)))
      (global.get $notesEnd))
    (drop (call $note
      (i32.const -6) (global.get $at) (local.get $functionEnd) (local.get $locals)))
    (local.set $region (global.get $notesEnd))
    (global.set $region
      (call $note (i32.const -4) (global.get $next) (local.get $region) (i32.const 0)))
    (global.set $entered (i32.add (global.get $entered) (i32.const 1)))
    (global.set $functionEnd (local.get $functionEnd))
    (global.set $locals (local.get $locals))
    (global.set $at (global.get $next))
    (global.set $depth (i32.const 0))
    (call $open (i32.const -1))
    (call $forget)
    (i32.const 1))

  ;; No dispatching loop is open.
  (func $forget (export "forget")
    (global.set $dispatch (i32.const -1))
    (global.set $choosing (i32.const -1))
    (global.set $blocksEnd (i32.const 0)))

  ;; Looks whether the loop without type that was just opened is a dispatching one:
  ;;   loop  block … block  local.get $chooser  br_table …  end … end …
  ;; Compilers write these for code that jumps anywhere (official Go in nearly every function, LLVM
  ;; for loops with several entries). In such a loop,
  ;;   i32.const 7  local.set $chooser  br <loop>
  ;; goes back to the loop's head, and from there to the end of the block that 7 stands for.
  (func $findDispatch (param $body i32)
    (local $at i32) (local $count i32) (local $index i32) (local $blocksEnd i32)
    (local $label i32)
    (local.set $at (local.get $body))
    (loop $blocks
      (if (i32.eq (i32.load16_u (local.get $at)) (i32.const 0x4002)) (then
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (br $blocks))))
    (if (i32.or
          (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x20))
          (i32.or (i32.ne (i32.load8_u offset=2 (local.get $at)) (i32.const 0x0e))
            (i32.ge_u (i32.load8_u offset=1 (local.get $at)) (i32.const 0x80))))
      (then (return)))
    (local.set $blocksEnd (i32.add (global.get $depth)
      (i32.shr_u (i32.sub (local.get $at) (local.get $body)) (i32.const 1))))
    (local.set $count (call $u32 (i32.add (local.get $at) (i32.const 3))))
    (loop $more
      (if (i32.ge_u (global.get $next) (global.get $functionEnd)) (then (return)))
      (local.set $label (call $u32 (global.get $next)))
      (if (i32.eq (local.get $label) (i32.const -1)) (then (return)))
      (i32.store
        (i32.add (global.get $targets) (i32.shl (local.get $index) (i32.const 2)))
        (i32.sub (i32.sub (local.get $blocksEnd) (i32.const 1)) (local.get $label)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $more (i32.le_u (local.get $index) (local.get $count))))
    (global.set $lastTarget (local.get $count))
    (global.set $choosing (i32.or (i32.const 0x21)
      (i32.shl (i32.load8_u offset=1 (local.get $at)) (i32.const 8))))
    (global.set $dispatch (i32.sub (global.get $depth) (i32.const 1)))
    (global.set $blocksEnd (local.get $blocksEnd)))

  ;; Between a number that the chooser is set to and a branch: where the branch is to the dispatching
  ;; loop, and stands in the very block to whose end that would go, it becomes one to that block,
  ;; with a label of the same length. That is forward: no round of the loop.
  ;; Answers where to go on.
  (func $shorten (param $number i32) (param $at i32) (result i32)
    (local $value i32) (local $last i32) (local $target i32) (local $label i32) (local $end i32)
    (local.set $last (i32.sub (local.get $at) (i32.const 1)))
    (if (i32.or (i32.ne (i32.load8_u (local.get $number)) (i32.const 0x41))
          (i32.or
            (i32.gt_u (i32.sub (local.get $last) (local.get $number)) (i32.const 3))
            (i32.and (i32.load8_u (local.get $last)) (i32.const 0x40))))
      (then (return (local.get $at))))
    (local.set $value (call $u32 (i32.add (local.get $number) (i32.const 1))))
    (local.set $label (call $u32 (i32.add (local.get $at) (i32.const 3))))
    (local.set $end (global.get $next))
    (if (i32.ne
          (i32.sub (i32.sub (global.get $depth) (i32.const 1)) (local.get $label))
          (global.get $dispatch))
      (then (return (local.get $at))))
    (if (i32.gt_u (local.get $value) (global.get $lastTarget))
      (then (local.set $value (global.get $lastTarget))))
    (local.set $target (i32.load (i32.add (global.get $targets)
      (i32.shl (local.get $value) (i32.const 2)))))
    (if (i32.or (i32.le_s (local.get $target) (global.get $dispatch))
          (i32.ge_s (local.get $target) (global.get $blocksEnd)))
      (then (return (local.get $at))))
    (local.set $label
      (i32.sub (i32.sub (global.get $depth) (i32.const 1)) (local.get $target)))
    (local.set $at (i32.add (local.get $at) (i32.const 3)))
    (loop $more
      (i32.store8 (local.get $at) (i32.or
        (i32.and (local.get $label) (i32.const 0x7f))
        (i32.and (i32.load8_u (local.get $at)) (i32.const 0x80))))
      (local.set $label (i32.shr_u (local.get $label) (i32.const 7)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $end))

  ;; Closes the innermost label, behind its end; 1: it was the function's.
  (func $close (param $at i32) (result i32)
    (local $note i32)
    (global.set $depth (i32.sub (global.get $depth) (i32.const 1)))
    (if (i32.eqz (global.get $depth)) (then
      (i32.store offset=12 (global.get $region) (local.get $at))
      (return (i32.const 1))))
    (if (i32.le_s (global.get $depth) (global.get $dispatch)) (then (call $forget)))
    (if (i32.lt_s (global.get $depth) (global.get $blocksEnd))
      (then (global.set $blocksEnd (global.get $depth))))
    (local.set $note (i32.load
      (i32.add (global.get $labels) (i32.shl (global.get $depth) (i32.const 2)))))
    (if (i32.ne (local.get $note) (i32.const -1)) (then
      (i32.store offset=12 (local.get $note) (local.get $at))
      (global.set $region (i32.load offset=8 (local.get $note)))))
    (i32.const 0))

  ;; Walks on; 0: all functions have been walked, 1: here is something to be looked at closer, 2: there
  ;; is no more room for notes.
  (func (export "run") (result i32)
    (loop $function
      (if (i32.eqz (global.get $depth)) (then
        (if (i32.eq (global.get $entered) (global.get $bodyCount)) (then (return (i32.const 0))))
        (if (i32.gt_u (global.get $room)
              (i32.sub (global.get $notesLimit) (global.get $notesEnd)))
          (then (return (i32.const 2))))
        (if (i32.eqz (call $enter)) (then (return (i32.const 1))))))
      (br_if $function (call $walkFunction)))
    (i32.const 1))

  ;; Walks on in a function; 1: to its end, 0: to something that has to be looked at closer. Called for
  ;; each function, so that the engine, which has hardly looked at this code when it runs first, can go
  ;; on with better code at the next one.
  (func $walkFunction (result i32)
    (local $at i32) (local $byte i32) (local $start i32) (local $count i32)
    (local $functionEnd i32) (local $shortLocals i32)
    (local.set $at (global.get $at))
    (local.set $functionEnd (global.get $functionEnd))
    ;; Those whose index has one byte.
    (local.set $shortLocals (select (global.get $locals) (i32.const 0x80)
      (i32.lt_u (global.get $locals) (i32.const 0x80))))
    (block $leave
      (loop $step
        (br_if $leave (i32.ge_u (local.get $at) (local.get $functionEnd)))
        (local.set $byte (i32.load8_u (local.get $at)))
        ;; local.get, local.set, local.tee: what is met most.
        (if (i32.le_u (i32.sub (local.get $byte) (i32.const 0x20)) (i32.const 2)) (then
          (if (i32.lt_u (i32.load8_u offset=1 (local.get $at)) (local.get $shortLocals)) (then
            (local.set $at (i32.add (local.get $at) (i32.const 2)))
            (br $step)))))
        ;; Numbers and operators between them.
        (if (i32.ge_u (local.get $byte) (i32.const 0x45)) (then
          (if (i32.le_u (local.get $byte) (i32.const 0xc4)) (then
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $step)))))
        (block $number (block $memarg (block $global (block $local (block $indirect (block $call
        (block $table (block $branch (block $end (block $loop (block $block (block $plain
          (br_table
            ;; UNKNOWN, PLAIN, BLOCK, LOOP, TRY_TABLE, END, DELEGATE, BRANCH, BRANCH_TABLE
            $leave $plain $block $loop $leave $end $leave $branch $table
            ;; CALL, CALL_INDIRECT, CALL_REF, LOCAL, GLOBAL, TABLE, MEMARG, INDEX, NUMBER
            $call $indirect $leave $local $global $leave $memarg $leave $number
            ;; and the others
            $leave
            (i32.load8_u (i32.add (global.get $kinds) (local.get $byte)))))
        ;; $plain
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $step))
        ;; $block
        (br_if $leave (i32.eqz (call $isShortType (i32.load8_u offset=1 (local.get $at)))))
        (call $open (i32.const -1))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (br $step))
        ;; $loop
        (local.set $byte (i32.load8_u offset=1 (local.get $at)))
        (br_if $leave (i32.eqz (call $isShortType (local.get $byte))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (global.set $region
          (call $note (i32.const -5) (local.get $at) (global.get $region) (i32.const 0)))
        (call $open (global.get $region))
        (if (i32.and (i32.eq (local.get $byte) (i32.const 0x40))
              (i32.eq (global.get $dispatch) (i32.const -1)))
          (then (call $findDispatch (local.get $at))))
        (br $step))
        ;; $end
        ;; The function's own where it does not end: wrong.
        (br_if $leave (i32.and (i32.eq (global.get $depth) (i32.const 1))
          (i32.ne (i32.add (local.get $at) (i32.const 1)) (local.get $functionEnd))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $step (i32.eqz (call $close (local.get $at))))
        (global.set $at (local.get $at))
        (return (i32.const 1)))
        ;; $branch
        (local.set $byte (call $u32 (i32.add (local.get $at) (i32.const 1))))
        (br_if $leave (i32.eqz (call $branch (local.get $byte))))
        (local.set $at (global.get $next))
        (br $step))
        ;; $table
        (local.set $count (call $u32 (i32.add (local.get $at) (i32.const 1))))
        (loop $more
          (br_if $leave (i32.ge_u (global.get $next) (global.get $functionEnd)))
          (br_if $leave (i32.eqz (call $branch (call $u32 (global.get $next)))))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br_if $more (i32.ne (local.get $count) (i32.const -1))))
        (local.set $at (global.get $next))
        (br $step))
        ;; $call
        (local.set $byte (call $u32 (i32.add (local.get $at) (i32.const 1))))
        (br_if $leave (i32.ge_u (local.get $byte) (global.get $functions)))
        (drop (call $note
          (local.get $byte) (local.get $at) (global.get $next) (global.get $region)))
        (local.set $at (global.get $next))
        (br $step))
        ;; $indirect
        (br_if $leave (i32.ge_u
          (call $u32 (i32.add (local.get $at) (i32.const 1))) (global.get $types)))
        (br_if $leave (i32.ge_u (call $u32 (global.get $next)) (global.get $tables)))
        (drop (call $note
          (i32.const -1) (local.get $at) (global.get $next) (global.get $region)))
        (local.set $at (global.get $next))
        (br $step))
        ;; $local
        (br_if $leave (i32.ge_u
          (call $u32 (i32.add (local.get $at) (i32.const 1))) (global.get $locals)))
        (local.set $at (global.get $next))
        (br $step))
        ;; $global
        (br_if $leave (i32.ge_u
          (call $u32 (i32.add (local.get $at) (i32.const 1))) (global.get $globals)))
        (local.set $at (global.get $next))
        (br $step))
        ;; $memarg
        (br_if $leave (i32.ge_u (i32.load8_u offset=1 (local.get $at)) (i32.const 0x40)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (loop $more
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $more (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 0x80))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $step))
        ;; $number
        (local.set $start (local.get $at))
        (loop $more
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $more (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 0x80))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $step (i32.ne (i32.load16_u (local.get $at)) (global.get $choosing)))
        (br_if $step (i32.ne (i32.load8_u offset=2 (local.get $at)) (i32.const 0x0c)))
        (local.set $at (call $shorten (local.get $start) (local.get $at)))
        (br $step)))
    (global.set $at (local.get $at))
    (i32.const 0))
