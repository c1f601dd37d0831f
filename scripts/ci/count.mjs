import { readFileSync } from 'node:fs';

/**
 * @typedef {{ passed: number, failed: number, note: string }} Count
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number,
 *   numTodoTests: number }} Report
 */

/**
 * A step that is not a test run counts as one.
 *
 * @param {number | string} status the exit code, or what ended it
 * @returns {Count}
 */
export function countStep(status) {
  if (status === 0) return { passed: 1, failed: 0, note: 'passed' };
  return { passed: 0, failed: 1, note: `exit ${status}` };
}

/**
 * A test run counts as the cases that vitest's JSON report lists. What fails outside a case (a file that
 * does not load, an unhandled rejection, no case at all) shows only in the exit code and counts as one.
 *
 * @param {string} file vitest's report; may be missing when the run broke early
 * @param {number | string} status
 * @returns {Count}
 */
export function countTests(file, status) {
  const report = readReport(file);
  if (!report) return { passed: 0, failed: 1, note: `no report, exit ${status}` };
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  let failed = report.numFailedTests;
  let note = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  if (failed === 0 && (status !== 0 || passed === 0)) {
    failed = 1;
    note += `, but exit ${status}`;
  }
  return { passed, failed, note };
}

/**
 * @param {string} file
 * @returns {Report | undefined}
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
