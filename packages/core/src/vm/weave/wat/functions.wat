  ;; Writes the functions of a code section again, with the checks in them.

  ;; The local that holds a loop's units; behind it, if need be, the one for a length.
  (global $local (mut i32) (i32.const 0))

  ;; From $start, the offset of the first function, all of them to $out. $shift leads from addresses
  ;; there to offsets in the woven module; marks are written at $marks, and so far behind that.
  (func (export "weave") (param $start i32) (param $out i32) (param $shift i32)
      (param $marks i32) (param $toOriginal i32)
      (param $units i32) (param $look i32) (param $charge i32) (param $refill i32)
    (local $index i32) (local $pays i32)
    (global.set $copied (local.get $start))
    (global.set $out (local.get $out))
    (global.set $toWoven (local.get $shift))
    (global.set $marksEnd (local.get $marks))
    (global.set $toOriginal (local.get $toOriginal))
    (global.set $units (local.get $units))
    (global.set $look (local.get $look))
    (global.set $charge (local.get $charge))
    (global.set $refill (local.get $refill))
    (call $mark)
    (block $done (loop $more
      (br_if $done (i32.eq (local.get $index) (global.get $bodyCount)))
      (local.set $pays (i32.eqz (call $cheapCost (local.get $index) (i32.const 0))))
      (if (i32.or (local.get $pays) (call $hasLoops (local.get $index)))
        (then (call $weaveFunction (local.get $index) (local.get $pays))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $more)))
    (call $copyUpTo (global.get $end)))

  (func $hasLoops (param $index i32) (result i32)
    (i32.and (i32.const 4) (i32.load8_u (i32.add (global.get $flags) (local.get $index)))))

  ;; $pays: for itself; else those who call it do, and only its loops have checks.
  (func $weaveFunction (param $index i32) (param $pays i32)
    (local $note i32) (local $region i32) (local $flags i32) (local $hasLoops i32)
    (local $hasEvents i32) (local $loopUnits i32) (local $size i32)
    (local.set $note (i32.load
      (i32.add (global.get $bodies) (i32.shl (local.get $index) (i32.const 2)))))
    (local.set $region (i32.add (local.get $note) (i32.const 16)))
    (local.set $flags (i32.load8_u (i32.add (global.get $flags) (local.get $index))))
    (local.set $hasLoops (call $hasLoops (local.get $index)))
    (local.set $hasEvents
      (i32.or (i32.and (local.get $flags) (i32.const 3)) (global.get $hasCrowds)))
    (if (local.get $hasLoops)
      (then (local.set $loopUnits (call $loopUnits (local.get $region)))))
    (local.set $size (call $openFunction (local.get $note)
      ;; HAS_BULK: a length has a local too.
      (select (i32.const 2) (i32.ne (local.get $hasLoops) (i32.const 0))
        (i32.and (local.get $flags) (i32.const 1)))))
    (if (local.get $pays) (then (call $payAtEntry (call $atMost
      (i32.add (call $costOfRegion (local.get $region)) (local.get $loopUnits))))))
    (if (local.get $hasLoops)
      (then (call $setLoopUnits (global.get $local) (local.get $loopUnits))))
    (call $mark)
    (if (i32.or (local.get $hasLoops) (local.get $hasEvents))
      (then (call $weaveInside (local.get $region) (local.get $hasEvents))))
    (call $copyUpTo (i32.load offset=8 (local.get $note)))
    (call $fill (local.get $size)
      (i32.sub (i32.sub (global.get $out) (local.get $size)) (i32.const 5))))

  ;; Writes the locals, and those that the checks need. Answers where the function's size goes.
  (func $openFunction (param $note i32) (param $needed i32) (result i32)
    (local $start i32) (local $groups i32) (local $size i32)
    (local.set $start (i32.load offset=20 (local.get $note)))
    (call $copyUpTo (i32.load offset=4 (local.get $note)))
    (local.set $size (global.get $out))
    (global.set $out (i32.add (global.get $out) (i32.const 5)))
    (global.set $local (i32.load offset=12 (local.get $note)))
    (drop (call $u32 (global.get $copied)))
    (global.set $copied (global.get $next))
    (if (local.get $needed) (then
      (local.set $groups (call $u32 (global.get $copied)))
      (call $writeU32 (i32.add (local.get $groups) (i32.const 1)))
      (global.set $copied (global.get $next))
      (call $copyUpTo (local.get $start))
      (call $writeU32 (local.get $needed))
      (call $byte (i32.const 0x7f))) ;; i32
    (else (call $copyUpTo (local.get $start))))
    (call $mark)
    (local.get $size))

  ;; What a function's loops may use at first: each a round or more.
  (func $loopUnits (param $region i32) (result i32)
    (local $at i32) (local $kind i32) (local $units i32)
    (local.set $units (global.get $firstLoopUnits))
    (local.set $at (local.get $region))
    (block $done (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $done (i32.ge_u (local.get $at) (global.get $notesEnd)))
      (local.set $kind (i32.load (local.get $at)))
      (br_if $done (i32.eq (local.get $kind) (i32.const -6))) ;; FUNCTION
      (if (i32.eq (local.get $kind) (i32.const -4)) ;; REPEATING
        (then (local.set $units (call $atMost
          (i32.add (local.get $units) (call $costOfRegion (local.get $at)))))))
      (br $more)))
    (local.get $units))

  ;; Writes what is in a function, up to its last loop or event, with the checks in it.
  (func $weaveInside (param $region i32) (param $hasEvents i32)
    (local $at i32) (local $kind i32)
    (local.set $at (local.get $region))
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (if (i32.ge_u (local.get $at) (global.get $notesEnd)) (then (return)))
      (local.set $kind (i32.load (local.get $at)))
      (if (i32.eq (local.get $kind) (i32.const -6)) (then (return))) ;; FUNCTION
      (if (i32.eq (local.get $kind) (i32.const -4)) (then ;; REPEATING
        (call $weaveLoop (local.get $at))
        (br $more)))
      (br_if $more (i32.eqz (local.get $hasEvents)))
      (if (i32.ne (local.get $kind) (i32.const -5)) ;; LOOP
        (then (call $weaveEvent (local.get $at) (local.get $kind))))
      (br $more)))

  (func $weaveLoop (param $note i32)
    (local $header i32) (local $end i32) (local $cost i32)
    (local.set $header (i32.load offset=4 (local.get $note)))
    (local.set $end (i32.load offset=12 (local.get $note)))
    (local.set $cost (call $costOfRegion (local.get $note)))
    (if (call $isInnermost (local.get $note) (local.get $end)) (then
      (if (call $makeRoomAround (local.get $header) (local.get $end) (global.get $local)) (then
        (call $weaveSmallLoop (local.get $header) (local.get $end) (local.get $cost))
        (return)))))
    (call $copyUpTo (local.get $header))
    (call $payInLoop (global.get $local) (local.get $cost))
    (call $mark))

  ;; Whether neither a loop nor an event is in a region. Of every kind of note the second number is an
  ;; offset: where what it is about begins.
  (func $isInnermost (param $note i32) (param $end i32) (result i32)
    (local $following i32)
    (local.set $following (i32.add (local.get $note) (i32.const 16)))
    (if (i32.ge_u (local.get $following) (global.get $notesEnd)) (then (return (i32.const 1))))
    (i32.ge_u (i32.load offset=4 (local.get $following)) (local.get $end)))

  (func $weaveSmallLoop (param $header i32) (param $end i32) (param $cost i32)
    (call $copyUpTo (i32.sub (local.get $header) (i32.const 2)))
    (call $openOuterLoop (global.get $local)
      (i32.load8_u (i32.sub (local.get $header) (i32.const 1))))
    (call $mark)
    (call $copyUpTo (local.get $header))
    (call $payInSmallLoop (global.get $local) (local.get $cost))
    (call $mark)
    (call $copyUpTo (local.get $end))
    (call $byte (i32.const 0x0b)) ;; end
    (call $mark))

  (func $weaveEvent (param $note i32) (param $target i32)
    (if (i32.eq (local.get $target) (i32.const -2)) (then ;; LONG
      (call $copyUpTo (i32.load offset=8 (local.get $note)))
      (call $pay (global.get $unitsPerLook))
      (return)))
    (if (call $isCrowded (i32.load offset=12 (local.get $note))) (then
      (call $copyUpTo (i32.load offset=4 (local.get $note)))
      (call $pay (call $costOfEvent (local.get $target)))))
    (if (i32.eq (local.get $target) (i32.const -3)) (then ;; BULK
      (call $copyUpTo (i32.load offset=4 (local.get $note)))
      (call $payForLength
        (i32.add (global.get $local) (i32.const 1)) (i32.load offset=8 (local.get $note))))))
