import { readFileSync } from 'node:fs';

/**
 * @typedef {{ passed: number, failed: number, note: string }} Count
 * @typedef {{ status: string, fullName: string, failureMessages?: string[] | null }} Case
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number,
 *   numTodoTests: number, testResults?: TestFile[] }} Report
 * @typedef {{ name: string, status?: string, message?: string, assertionResults: Case[] }} TestFile
 *
 * @typedef {object} Failure
 * @property {string} file the test file's path
 * @property {string} test
 * @property {string} message its first line
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
 * A test run counts as the cases that vitest's JSON report lists; a file that does not load is one that
 * failed. What else fails outside a case (an unhandled rejection, no case at all) shows only in the exit
 * code and counts as one.
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
  let failed = report.numFailedTests + brokenFilesOf(report).length;
  let note = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  if (failed === 0 && (status !== 0 || passed === 0)) {
    failed = 1;
    note += `, but exit ${status}`;
  }
  return { passed, failed, note };
}

/**
 * The cases that failed, and the files that did outside their cases, so that the end of CI's output names
 * them.
 *
 * @param {string} file vitest's report
 * @returns {Failure[]}
 */
export function failuresOf(file) {
  const report = readReport(file);
  if (report === undefined) return [];
  const cases = (report.testResults ?? []).flatMap(({ name, assertionResults }) =>
    assertionResults.filter(hasFailed).map(({ fullName, failureMessages }) => ({
      file: name,
      test: fullName,
      message: firstLine(failureMessages?.[0]),
    })),
  );
  const files = brokenFilesOf(report).map(({ name, message }) => ({
    file: name,
    test: 'the file',
    message: firstLine(message),
  }));
  return [...cases, ...files];
}

/** Those that failed though none of their cases did: they don't load, say. @param {Report} report */
function brokenFilesOf({ testResults = [] }) {
  return testResults.filter((file) => hasFailed(file) && !file.assertionResults.some(hasFailed));
}

/** @param {{ status?: string }} result */
function hasFailed({ status }) {
  return status === 'failed';
}

/** @param {string} [text] */
function firstLine(text = '') {
  return text.split('\n', 1)[0] ?? '';
}

/**
 * The count after the failed cases' files ran once more, one at a time: what passes then fails only when
 * the machine is busy. It counts as passed, and the note says so.
 *
 * @param {Count} count of the whole run
 * @param {Failure[]} failures its failed cases
 * @param {Count} again of the second run
 * @param {Failure[]} stillFailing the second run's failed cases
 * @returns {Count}
 */
export function countAgain(count, failures, again, stillFailing) {
  const failed = stillFailing.length;
  // A second run that broke off, or ran nothing, has shown nothing.
  if (again.failed !== failed || again.passed === 0) return count;
  const recovered = Math.max(0, failures.length - failed);
  return {
    passed: count.passed + recovered,
    failed,
    note: `${count.note}; of these ${recovered} passed when run alone`,
  };
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
