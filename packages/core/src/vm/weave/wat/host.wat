  ;; What code-memory.ts gives: the memory, and numbers that hold for one module.
  ;;
  ;; The module's bytes begin at 0, so that offsets in the module are addresses. What stands behind
  ;; them, code-memory.ts knows, and what a note is, code-facts.ts.
  (import "host" "memory" (memory 1))
  (import "host" "makeRoomAround" (func $hostMakesRoom (param i32 i32 i32) (result i32)))
  (import "host" "kinds" (global $kinds i32))
  (import "host" "bodies" (global $bodies i32))
  (import "host" "cheapCosts" (global $cheapCosts i32))
  (import "host" "flags" (global $flags i32))
  ;; How many of each the module has.
  (import "host" "types" (global $types i32))
  (import "host" "functions" (global $functions i32))
  (import "host" "tables" (global $tables i32))
  (import "host" "globals" (global $globals i32))
  (import "host" "importedFunctions" (global $importedFunctions i32))
  (import "host" "bodyCount" (global $bodyCount i32))
  ;; End of the code section.
  (import "host" "end" (global $end i32))

  ;; See units.ts.
  (import "host" "unitsPerLook" (global $unitsPerLook i32))
  (import "host" "firstLoopUnits" (global $firstLoopUnits i32))
  (import "host" "callUnits" (global $callUnits i32))
  (import "host" "hostcallUnits" (global $hostcallUnits i32))
  (import "host" "cheapUnits" (global $cheapUnits i32))
  (import "host" "bulkManyBytes" (global $bulkManyBytes i32))
  (import "host" "bulkShift" (global $bulkShift i32))
  (import "host" "mostUnits" (global $mostUnits i32))

  ;; Where open labels, and targets of a dispatching loop (walk.wat) are.
  (global $labels (export "labels") (mut i32) (i32.const 0))
  (global $targets (export "targets") (mut i32) (i32.const 0))
  ;; Bytes that the notes of one function can take.
  (global $room (export "room") (mut i32) (i32.const 0))
  (global $firstNote (export "firstNote") (mut i32) (i32.const 0))
  (global $notesEnd (export "notesEnd") (mut i32) (i32.const 0))
  ;; Where the notes must end.
  (global $notesLimit (export "notesLimit") (mut i32) (i32.const 0))
