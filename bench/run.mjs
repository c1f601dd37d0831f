/**
 * What a filter costs. `--smoke` only shows that everything runs; `--only` picks parts; `--launches`
 * sets how many fresh processes each side gets; `--json` says where the figures are written.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { environment, formatSection, writeReport } from './report.mjs';
import { fullScale, smokeScale } from './scale.mjs';

/** @typedef {import('./report.mjs').Section} Section */
/** @typedef {import('./scale.mjs').Scale} Scale */
/** @typedef {(scale: Scale, progress: (line: string) => void) => Promise<Section[]>} Benchmark */

/** @type {Record<string, () => Promise<Benchmark>>} */
const benchmarks = {
  stream: async () => (await import('./stream/stream-benchmark.mjs')).streamBenchmark,
  http: async () => (await import('./http/http-benchmark.mjs')).httpBenchmark,
  socketless: async () =>
    (await import('./socketless/socketless-benchmark.mjs')).socketlessBenchmark,
  'response-path': async () =>
    (await import('./response-path/response-path-benchmark.mjs')).responsePathBenchmark,
  bodies: async () => (await import('./bodies/bodies-benchmark.mjs')).bodiesBenchmark,
  services: async () => (await import('./services/services-benchmark.mjs')).servicesBenchmark,
  limits: async () => (await import('./limits/limits-benchmark.mjs')).limitsBenchmark,
  cli: async () => (await import('./cli/cli-benchmark.mjs')).cliBenchmark,
  memory: async () => (await import('./memory/memory-benchmark.mjs')).memoryBenchmark,
};

/** Where nobody asked for another place. */
const RESULTS = fileURLToPath(new URL('../.cache/bench.json', import.meta.url));

const { names, scale, file } = readArguments();
const where = environment();
console.log(`node ${where.node}, ${where.cpu}, ${where.date}`);
const failed = await runAll();
process.exitCode = failed ? 1 : 0;

/** @returns {Promise<boolean>} whether something is broken */
async function runAll() {
  /** @type {Section[]} */
  const sections = [];
  let broken = false;
  for (const name of names) {
    try {
      const benchmark = await benchmarks[name]?.();
      const made = (await benchmark?.(scale, progress)) ?? [];
      sections.push(...made);
      for (const section of made) console.log(formatSection(section));
    } catch (error) {
      broken = true;
      console.error(`\n${name}: BROKEN`, error);
    }
  }
  if (file !== undefined) await writeReport(file, where, scale, sections);
  console.log(`\n${broken ? 'something is BROKEN, see above' : `ran: ${names.join(', ')}`}`);
  if (file !== undefined) console.log(`written: ${file}`);
  return broken;
}

/** @param {string} line */
function progress(line) {
  console.error(line);
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      launches: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const chosen = values.only?.flatMap((text) => text.split(',')) ?? Object.keys(benchmarks);
  for (const name of chosen) {
    if (!(name in benchmarks)) fail(`--only takes ${Object.keys(benchmarks).join(', ')}`);
  }
  const base = values.smoke ? smokeScale : fullScale;
  const launches = Number(values.launches ?? base.launches);
  if (!Number.isInteger(launches) || launches < 1) fail('--launches takes a number from 1');
  // A smoke run's figures mean nothing: they are not kept unless somebody asks.
  const json = values.json ?? (values.smoke ? undefined : RESULTS);
  return { names: chosen, scale: { ...base, launches }, file: json };
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`bench: ${message}`);
  process.exit(2);
}
