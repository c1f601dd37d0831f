/**
 * All that the hand-made hostcalls share.
 *
 * @typedef {object} Floor
 * @property {WebAssembly.Memory} memory
 * @property {Latin1Buffer} bytes
 * @property {DataView} view
 * @property {(size: number) => number} allocate
 * @property {Uint8Array} configuration
 * @property {string[]} request name, value, …, names lower-case
 * @property {string[]} response
 */

/**
 * Node's fast string paths, which are missing from its type declarations.
 *
 * @typedef {object} Latin1Methods
 * @property {(start: number, end: number) => string} latin1Slice
 * @property {(text: string, start: number, size: number) => number} latin1Write
 */

/** @typedef {Buffer<ArrayBuffer> & Latin1Methods} Latin1Buffer */

/** @returns {Floor} */
export function createFloor() {
  return {
    memory: new WebAssembly.Memory({ initial: 0 }),
    bytes: /** @type {Latin1Buffer} */ (Buffer.alloc(0)),
    view: new DataView(new ArrayBuffer(0)),
    allocate: () => 0,
    configuration: Buffer.alloc(0),
    request: [],
    response: [],
  };
}

/**
 * Makes the views anew, if the guest has grown its memory. A view of memory that has moved is empty,
 * which is the cheapest way to tell.
 *
 * @param {Floor} floor
 */
export function review(floor) {
  if (floor.bytes.length > 0) return;
  const { buffer } = floor.memory;
  floor.bytes = /** @type {Latin1Buffer} */ (Buffer.from(buffer));
  floor.view = new DataView(buffer);
}
