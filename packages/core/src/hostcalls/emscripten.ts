/** Compares two thread ids, in modules built against a C library without threads. */
export function pthreadEqual() {
  return (a: number, b: number): number => (a === b ? 1 : 0);
}

/** Tells that the memory grew. Every access looks at the memory's own state, so nothing to do. */
export function emscriptenNotifyMemoryGrowth() {
  return (_memoryIndex: number): void => undefined;
}
