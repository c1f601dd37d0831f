  ;; What code costs, in units (units.ts). A function or loop pays for itself before it runs; a function
  ;; that is cheap is paid for by those who call it, with what its loops may use at first.

  ;; From a note to what is known of its costs, three numbers: of a region, the region that pays for it,
  ;; itself or one around it; of a region that pays, bytes of code, and what its calls cost.
  (global $toCosts (mut i32) (i32.const 0))
  ;; Whether there is a region for which $isCrowded is true.
  (global $hasCrowds (mut i32) (i32.const 0))
  ;; Places where checks can be written, at most.
  (global $places (mut i32) (i32.const 1))

  (func $payerOf (param $region i32) (result i32)
    (i32.load (i32.add (local.get $region) (global.get $toCosts))))

  ;; Whether so many calls stand in a region that each pays for itself, where it stands.
  (func $isCrowded (param $region i32) (result i32)
    (if (i32.eqz (global.get $hasCrowds)) (then (return (i32.const 0))))
    (i32.gt_u
      (i32.load offset=8 (i32.add (call $payerOf (local.get $region)) (global.get $toCosts)))
      (global.get $unitsPerLook)))

  ;; What one passage of a region's header costs.
  (func $costOfRegion (param $region i32) (result i32)
    (local $costs i32) (local $sum i32)
    (local.set $costs (i32.add (local.get $region) (global.get $toCosts)))
    (local.set $sum (i32.load offset=4 (local.get $costs)))
    (if (i32.eqz (call $isCrowded (local.get $region))) (then
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=8 (local.get $costs))))))
    (if (i32.lt_s (local.get $sum) (i32.const 1)) (then (return (i32.const 1))))
    (call $atMost (local.get $sum)))

  ;; More would not fit the counter.
  (func $atMost (param $units i32) (result i32)
    (select (local.get $units) (global.get $mostUnits)
      (i32.lt_u (local.get $units) (global.get $mostUnits))))

  ;; What the instruction of an event costs those in whose code it stands.
  (func $costOfEvent (param $target i32) (result i32)
    (if (i32.ge_s (local.get $target) (global.get $importedFunctions))
      (then (return (call $costOfCall (local.get $target) (i32.const 0)))))
    (if (i32.ge_s (local.get $target) (i32.const 0))
      (then (return (global.get $hostcallUnits))))
    ;; INDIRECT
    (if (i32.eq (local.get $target) (i32.const -1)) (then (return (global.get $cheapUnits))))
    ;; LONG: makes the clock be read where it stands.
    (if (i32.eq (local.get $target) (i32.const -2)) (then (return (i32.const 0))))
    ;; BULK
    (i32.shr_u (global.get $bulkManyBytes) (global.get $bulkShift)))

  ;; What a function of the code section costs, with all that it calls which does not pay for itself;
  ;; 0: it pays for itself. Of functions that come back to each other at least one does: the one that
  ;; is met again while what it calls is being added up.
  (func $cheapCost (param $index i32) (param $depth i32) (result i32)
    (local $slot i32) (local $cost i32)
    (local.set $slot
      (i32.add (global.get $cheapCosts) (i32.shl (local.get $index) (i32.const 2))))
    (local.set $cost (i32.load (local.get $slot)))
    (if (i32.gt_s (local.get $cost) (i32.const 0)) (then (return (local.get $cost))))
    (if (i32.or (local.get $cost) (i32.gt_u (local.get $depth) (i32.const 100))) (then
      (i32.store (local.get $slot) (i32.const -1)) ;; It pays for itself, whatever is found out.
      (return (i32.const 0))))
    (i32.store (local.get $slot) (i32.const -2)) ;; It is being found out.
    (local.set $cost (call $sum (local.get $index) (local.get $depth)))
    (if (i32.eq (i32.load (local.get $slot)) (i32.const -1)) (then (return (i32.const 0))))
    (i32.store (local.get $slot) (select (local.get $cost) (i32.const -1) (local.get $cost)))
    (local.get $cost))

  ;; The code of a function and what that calls; 0: too much, or what can not be known beforehand.
  (func $sum (param $index i32) (param $depth i32) (result i32)
    (local $at i32) (local $cost i32) (local $kind i32) (local $loopUnits i32)
    (local.set $loopUnits (global.get $firstLoopUnits))
    (local.set $at (i32.add (i32.const 16) (i32.load
      (i32.add (global.get $bodies) (i32.shl (local.get $index) (i32.const 2))))))
    (local.set $cost (i32.add (i32.const 1)
      (i32.sub (i32.load offset=12 (local.get $at)) (i32.load offset=4 (local.get $at)))))
    (block $dear
      (br_if $dear (i32.gt_u (local.get $cost) (global.get $cheapUnits)))
      (loop $more
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (if (i32.ge_u (local.get $at) (global.get $notesEnd)) (then (return (local.get $cost))))
        (local.set $kind (i32.load (local.get $at)))
        ;; The next function, and a loop to which nothing branches.
        (if (i32.eq (local.get $kind) (i32.const -6)) (then (return (local.get $cost))))
        (br_if $more (i32.eq (local.get $kind) (i32.const -5)))
        ;; A loop that repeats: what they all may use at first, once; a round of it is in the sum.
        (if (i32.eq (local.get $kind) (i32.const -4)) (then
          (local.set $cost (i32.add (local.get $cost) (local.get $loopUnits)))
          (local.set $loopUnits (i32.const 0))
          (br_if $dear (i32.gt_u (local.get $cost) (global.get $cheapUnits)))
          (br $more)))
        (br_if $dear (i32.lt_s (local.get $kind) (global.get $importedFunctions)))
        (local.set $cost (i32.add (local.get $cost)
          (call $costOfCall (local.get $kind) (i32.add (local.get $depth) (i32.const 1)))))
        (br_if $more (i32.le_u (local.get $cost) (global.get $cheapUnits)))))
    (i32.const 0))

  ;; What a call of a function that is not imported costs those in whose code it stands.
  (func $costOfCall (param $target i32) (param $depth i32) (result i32)
    (local $cost i32)
    (local.set $cost (call $cheapCost
      (i32.sub (local.get $target) (global.get $importedFunctions)) (local.get $depth)))
    (select (local.get $cost) (global.get $callUnits) (local.get $cost)))

  ;; Finds out who pays, and how much; answers how many places for checks there are, at most.
  (func (export "addUp") (param $toCosts i32) (result i32)
    (local $index i32) (local $at i32)
    (global.set $toCosts (local.get $toCosts))
    (local.set $at (global.get $firstNote))
    (block $done (loop $more
      (br_if $done (i32.ge_u (local.get $at) (global.get $notesEnd)))
      (local.set $at (call $addFunction (local.get $index) (local.get $at)))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $more)))
    (if (result i32) (global.get $hasCrowds)
      (then (i32.shr_u (i32.sub (global.get $notesEnd) (global.get $firstNote)) (i32.const 4)))
      (else (global.get $places))))

  ;; Adds up a function; answers where the next one's notes begin.
  (func $addFunction (param $index i32) (param $at i32) (result i32)
    (local $kind i32)
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (if (i32.ge_u (local.get $at) (global.get $notesEnd)) (then (return (local.get $at))))
      (local.set $kind (i32.load (local.get $at)))
      (if (i32.gt_s (local.get $kind) (i32.const -4)) (then
        (call $addEvent (local.get $at) (local.get $kind))
        (br $more)))
      (if (i32.ne (local.get $kind) (i32.const -6)) (then
        (call $addRegion (local.get $index) (local.get $at) (local.get $kind))
        (br $more))))
    (local.get $at))

  (func $addEvent (param $at i32) (param $target i32)
    (local $costs i32) (local $calls i32)
    ;; BULK and LONG are checked where they stand.
    (if (i32.lt_s (local.get $target) (i32.const -1))
      (then (global.set $places (i32.add (global.get $places) (i32.const 1)))))
    (local.set $costs (i32.add (global.get $toCosts)
      (call $payerOf (i32.load offset=12 (local.get $at)))))
    (local.set $calls (i32.load offset=8 (local.get $costs)))
    ;; Enough: the sum must not overflow.
    (if (i32.gt_u (local.get $calls) (global.get $unitsPerLook)) (then (return)))
    (local.set $calls (i32.add (local.get $calls) (call $costOfEvent (local.get $target))))
    (i32.store offset=8 (local.get $costs) (local.get $calls))
    (if (i32.gt_u (local.get $calls) (global.get $unitsPerLook))
      (then (global.set $hasCrowds (i32.const 1)))))

  (func $addRegion (param $index i32) (param $at i32) (param $kind i32)
    (local $parent i32) (local $payer i32) (local $bytes i32)
    (global.set $places (i32.add (global.get $places) (i32.const 1)))
    (local.set $parent (i32.load offset=8 (local.get $at)))
    (local.set $payer (call $payerOf (local.get $parent)))
    ;; LOOP: nothing branches to it, so it is no more than a block.
    (if (i32.eq (local.get $kind) (i32.const -5)) (then
      (i32.store (i32.add (local.get $at) (global.get $toCosts)) (local.get $payer))
      (return)))
    (i32.store (i32.add (local.get $at) (global.get $toCosts)) (local.get $at))
    (local.set $bytes
      (i32.sub (i32.load offset=12 (local.get $at)) (i32.load offset=4 (local.get $at))))
    (i32.store offset=4 (i32.add (local.get $at) (global.get $toCosts)) (local.get $bytes))
    (if (i32.eq (local.get $parent) (local.get $at)) (then (return)))
    ;; What a loop pays, those around it do not.
    (local.set $payer (i32.add (local.get $payer) (global.get $toCosts)))
    (i32.store offset=4 (local.get $payer)
      (i32.sub (i32.load offset=4 (local.get $payer)) (local.get $bytes)))
    (local.set $index (i32.add (global.get $flags) (local.get $index)))
    (i32.store8 (local.get $index) (i32.or (i32.load8_u (local.get $index)) (i32.const 4))))
