import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { countStep, countTests } from '../ci/count.mjs';

function reportOf(numPassedTests: number, numFailedTests: number): string {
  const file = join(mkdtempSync(join(tmpdir(), 'ci-count-')), 'report.json');
  const report = { numPassedTests, numFailedTests, numPendingTests: 2, numTodoTests: 1 };
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

  it('counts any other step as one', () => {
    expect(countStep(0)).toMatchObject({ passed: 1, failed: 0 });
    expect(countStep('ended by SIGKILL')).toMatchObject({ passed: 0, failed: 1 });
  });
});
