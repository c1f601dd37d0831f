/**
 * The fuzz tests at nightly length: more than a million random hostcalls, and as many times more
 * inputs for the codecs, the module checker, the weaver and the reader of line tables as that.
 *
 *     node scripts/fuzz.mjs [--factor 60]
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { factor: { type: 'string', default: '60' } } });
if (!/^[1-9]\d*$/.test(values.factor)) throw new Error('--factor takes a whole number above 0');

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const tests = [
  'fuzz',
  'hostcalls/hostile.test.ts',
  'vm/weave/mutation.test.ts',
  'vm/weave/control-flow.test.ts',
  'vm/source-lines/dwarf-lines.test.ts',
].map((path) => `packages/core/test/${path}`);
spawn(process.execPath, [vitest, 'run', '--project', 'unit', ...tests], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: { ...process.env, FUZZ_FACTOR: values.factor },
  stdio: 'inherit',
}).on('exit', (code) => {
  process.exitCode = code ?? 1;
});
