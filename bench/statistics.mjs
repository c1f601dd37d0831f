/** The few figures that a series of measurements is told by. */

/**
 * @param {readonly number[]} values at least one
 * @returns {number}
 */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * A series, told by its median and its ends.
 *
 * @typedef {{ median: number, min: number, max: number, values: number[] }} Series
 */

/**
 * @param {number[]} values
 * @returns {Series}
 */
export function series(values) {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    values,
  };
}
