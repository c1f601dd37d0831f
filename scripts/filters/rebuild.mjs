/**
 * Rebuilds the filters of examples/filters and of the tests from their sources, each in a folder of its own outside the
 * tree, by the command that its README documents.
 *
 *   node scripts/filters/rebuild.mjs [--check] [name…]
 *
 * Writes the modules that came out different, and their digests in the READMEs. With --check it writes
 * nothing and exits with 1 if any differs, so that no module is committed that its sources do not give.
 * A filter whose exact toolchain is not to be had here is left as it is, with the reason.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Filter } from './filter.mjs';
import { run } from './run.mjs';
import { assemblyScript } from './toolchains/assemblyscript.mjs';
import { clang } from './toolchains/clang.mjs';
import { go } from './toolchains/go.mjs';
import { rust } from './toolchains/rust.mjs';

/** @typedef {import('./toolchains/toolchain.mjs').Toolchain} Toolchain */
/** @typedef {{ kind: 'same' | 'different' | 'not rebuilt', note?: string }} Verdict */

const toolchains = [go, rust, clang, assemblyScript];

const args = process.argv.slice(2);
const check = args.includes('--check');
const filters = pick(args.filter((arg) => arg !== '--check'));
const count = { same: 0, different: 0, 'not rebuilt': 0 };
for (const filter of filters) {
  const { kind, note } = judge(filter);
  count[kind] += 1;
  const label = kind === 'different' ? 'DIFFERENT' : kind;
  console.log(`${filter.name}: ${label}${note === undefined ? '' : `: ${note}`}`);
}
console.log(
  `${count.same} rebuilt and equal, ${count.different} different, ${count['not rebuilt']} not rebuilt`,
);
if (check && count.different > 0) process.exitCode = 1;

/** @param {string[]} names none means all */
function pick(names) {
  const all = Filter.all();
  const unknown = names.filter((name) => !all.some((filter) => filter.name === name));
  if (unknown.length > 0) {
    const known = all.map((filter) => filter.name).join(', ');
    console.error(`no filter ${unknown.join(', ')}; there is: ${known}`);
    process.exit(1);
  }
  return all.filter((filter) => names.length === 0 || names.includes(filter.name));
}

/**
 * @param {Filter} filter
 * @returns {Verdict}
 */
function judge(filter) {
  const folder = mkdtempSync(join(tmpdir(), `filter-${filter.name}-`));
  try {
    filter.copySources(folder);
    return rebuild(filter, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Filter} filter
 * @param {string} folder its sources
 * @returns {Verdict}
 */
function rebuild(filter, folder) {
  const toolchain = toolchainOf(folder);
  const missing = toolchain.missing(folder);
  if (missing !== undefined) return compare(filter, undefined, missing);
  const built = run(['sh', '-euc', filter.buildCommand()], folder, toolchain.env(folder));
  if (!built.ok) return { kind: 'different', note: `its build failed: ${built.problem}` };
  const verdict = compare(filter, folder);
  if (check || verdict.kind === 'same') return verdict;
  filter.take(folder);
  return { kind: 'different', note: 'written' };
}

/**
 * @param {Filter} filter
 * @param {string | undefined} folder where it was built, if it could be
 * @param {string} [missing] why they could not
 * @returns {Verdict}
 */
function compare(filter, folder, missing) {
  if (folder !== undefined && !filter.isBuiltIn(folder)) {
    return { kind: 'different', note: 'its sources give another module' };
  }
  if (!filter.readmeIsTrue()) {
    return { kind: 'different', note: 'its README tells the digest of another module' };
  }
  return missing === undefined ? { kind: 'same' } : { kind: 'not rebuilt', note: missing };
}

/**
 * @param {string} folder
 * @returns {Toolchain}
 */
function toolchainOf(folder) {
  const files = readdirSync(folder);
  const toolchain = toolchains.find(({ isFor }) => isFor(files));
  if (toolchain === undefined) throw new Error(`no toolchain for ${files.join(', ')}`);
  return toolchain;
}
