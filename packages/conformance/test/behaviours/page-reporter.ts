/** Writes docs/conformance.md from a run of the table, if all of it ran and nothing failed. */
import { writeFileSync } from 'node:fs';

import type { Reporter, TestModule } from 'vitest/node';

import { behavioursPage } from '../../src/behaviours-page.js';
import { behaviours } from '../../src/behaviours/index.js';
import { targets } from '../../src/targets/index.js';

const PAGE = new URL('../../../../docs/conformance.md', import.meta.url);

export default class PageReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, skipped: 0, failed: 0, pending: 0 };
    for (const module of modules)
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
    const rows = Object.values(behaviours).flat();
    const skips = rows.reduce((sum, { skip = {} }) => sum + Object.keys(skip).length, 0);
    const passes = rows.length * targets.length - skips;
    if (counts.passed !== passes || counts.skipped !== skips) {
      const found = `${String(counts.passed)} passed and ${String(counts.skipped)} skipped`;
      const wanted = `${String(passes)} and ${String(skips)}`;
      throw new Error(`the page is not written: ${found} instead of ${wanted}`);
    }
    writeFileSync(PAGE, behavioursPage(behaviours, targets));
  }
}
