/**
 * A process without filters that is busy for a fifth of its time: how late its event loop is, is the
 * machine's doing. On a quiet machine that is next to nothing.
 */
import { LoopDelayMeter } from './loop-delay.mjs';

const EVERY_MS = 10;
const BUSY_MS = 2;

const meter = new LoopDelayMeter();
process.on('message', (/** @type {string} */ question) => {
  process.send?.(question === 'delay' ? meter.stop() : meter.start());
});
setInterval(() => {
  const until = performance.now() + BUSY_MS;
  while (performance.now() < until);
}, EVERY_MS);
process.once('disconnect', () => process.exit(0));
process.send?.({});
