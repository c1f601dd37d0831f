/** `(module (import "h" "l" (func (result i32))) (export "l" (func 0)))` */
const CLOCK_MODULE = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f],
  ...[2, 7, 1, 1, 0x68, 1, 0x6c, 0, 0, 7, 5, 1, 1, 0x6c, 0, 0],
]);

/** A function of the host as one that a table takes. */
export function clockOf(answer: () => number): unknown {
  const module = new WebAssembly.Module(CLOCK_MODULE);
  return new WebAssembly.Instance(module, { h: { l: answer } }).exports['l'];
}
