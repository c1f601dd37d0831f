/** What is really kept: read after collections of garbage, so the process needs `--expose-gc`. */
import { setTimeout as delay } from 'node:timers/promises';

/** @returns {Promise<number>} bytes of JavaScript heap and of what it holds outside, after collection */
export async function heapBytes() {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('this needs --expose-gc');
  // What is freed by a finalizer or a later turn of the event loop takes another collection.
  for (let round = 0; round < 3; round += 1) {
    gc();
    await delay(10);
  }
  gc();
  const { heapUsed } = process.memoryUsage();
  return heapUsed;
}
