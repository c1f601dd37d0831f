import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { countAgain, countStep, countTests, failuresOf } from '../ci/count.mjs';

const folder = mkdtempSync(join(tmpdir(), 'ci-count-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let reports = 0;

function reportOf(numPassedTests: number, numFailedTests: number, testResults?: unknown[]): string {
  reports += 1;
  const file = join(folder, `${String(reports)}.json`);
  const report = {
    ...{ numPassedTests, numFailedTests, numPendingTests: 2, numTodoTests: 1 },
    ...(testResults && { testResults }),
  };
  writeFileSync(file, JSON.stringify(report));
  return file;
}

describe('what CI counts', () => {
  it('takes the cases of a test run from its report', () => {
    expect(countTests(reportOf(7, 0), 0)).toMatchObject({ passed: 7, failed: 0 });
    expect(countTests(reportOf(7, 2), 1)).toMatchObject({ passed: 7, failed: 2 });
  });

  it('counts a run that failed outside its cases as one failure', () => {
    expect(countTests(reportOf(7, 0), 1)).toMatchObject({ passed: 7, failed: 1 });
  });

  it('counts a run without a single case, or without a report, as a failure', () => {
    expect(countTests(reportOf(0, 0), 0)).toMatchObject({ failed: 1 });
    expect(countTests('/nowhere/report.json', 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts a file that does not load, also beside cases that failed', () => {
    const broken = { name: '/y.test.ts', status: 'failed', message: 'no\nx', assertionResults: [] };
    const file = {
      ...{ name: '/x.test.ts', status: 'failed' },
      assertionResults: [{ status: 'failed', fullName: 'a', failureMessages: ['Error: no'] }],
    };
    const report = reportOf(7, 1, [broken, file]);
    expect(countTests(report, 1)).toMatchObject({ passed: 7, failed: 2 });
    expect(failuresOf(report)).toEqual([
      { file: '/x.test.ts', test: 'a', message: 'Error: no' },
      { file: '/y.test.ts', test: 'the file', message: 'no' },
    ]);
  });

  it('counts any other step as one', () => {
    expect(countStep(0)).toMatchObject({ passed: 1, failed: 0 });
    expect(countStep('ended by SIGKILL')).toMatchObject({ passed: 0, failed: 1 });
  });

  it('names the cases that failed', () => {
    const failed = { status: 'failed', fullName: 'a b', failureMessages: ['Error: no\n at x'] };
    const report = reportOf(1, 1, [
      { name: '/x.test.ts', assertionResults: [{ status: 'passed', fullName: 'a' }, failed] },
    ]);
    expect(failuresOf(report)).toEqual([{ file: '/x.test.ts', test: 'a b', message: 'Error: no' }]);
    expect(failuresOf('/nowhere/report.json')).toEqual([]);
  });
});

describe('failed cases that ran again, alone', () => {
  const failure = { file: '/x.test.ts', test: 'a', message: '' };
  const first = { passed: 7, failed: 2, note: '7 passed, 2 failed, 0 skipped' };

  it('count as passed when they pass then, and the note says so', () => {
    const again = { passed: 5, failed: 1, note: '' };
    expect(countAgain(first, [failure, failure], again, [failure])).toEqual({
      ...{ passed: 8, failed: 1 },
      note: '7 passed, 2 failed, 0 skipped; of these 1 passed when run alone',
    });
  });

  it('stay failed when the second run broke off or ran nothing', () => {
    const broken = { passed: 0, failed: 1, note: 'no report' };
    expect(countAgain(first, [failure, failure], broken, [])).toBe(first);
    const nothing = { passed: 0, failed: 0, note: '' };
    expect(countAgain(first, [failure, failure], nothing, [])).toBe(first);
  });
});
