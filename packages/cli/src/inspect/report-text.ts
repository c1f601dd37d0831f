import type {
  ExportReport,
  ImportReport,
  MemoryReport,
  ModuleReport,
} from '@proxy-wasm-node/core/inspect';

import { alignColumns } from '../columns.js';
import { formatBytes } from '../format.js';
import type { Meaning, Style } from '../style.js';

/** The report for people: what there is to decide first, then the module's functions. */
export function describeReport(path: string, report: ModuleReport, style: Style): string {
  return [
    verdict(path, report, style),
    ...alignColumns(facts(report).map(([name, value]) => ['  ' + style('name', name), value])),
    '',
    ...describeExports(report.exports, style),
    '',
    ...describeImports(report.imports, style),
  ].join('\n');
}

function verdict(path: string, { loadable, problems }: ModuleReport, style: Style): string {
  const name = style('title', path);
  if (loadable) return `${name}: ${style('good', 'runs here')}`;
  const reasons = problems.map((problem) => `\n  - ${problem}`);
  return `${name}: ${style('bad', 'does not run here')}${reasons.join('')}\n`;
}

function facts(report: ModuleReport): [string, string][] {
  const { abiVersion, toolchain, sizeBytes, sha256, memory, entryPoint, allocator } = report;
  return [
    ['ABI version', abiVersion ?? 'none'],
    ['toolchain', toolchain ?? 'not told'],
    ['size', sizeBytes === undefined ? 'not known' : formatBytes(sizeBytes)],
    ['sha256', sha256 ?? 'not known'],
    ['memory', describeMemory(memory)],
    ['entry point', entryPoint],
    ['allocator', allocator ?? 'none'],
  ];
}

function describeMemory(memory: MemoryReport | undefined): string {
  if (memory === undefined) return 'none';
  const { minimumBytes, maximumBytes, imported, shared } = memory;
  const start = minimumBytes === undefined ? 'size not known' : formatBytes(minimumBytes);
  const most = maximumBytes === undefined ? 'no maximum' : `at most ${formatBytes(maximumBytes)}`;
  const kind = [imported ? 'imported' : 'exported', ...(shared ? ['shared'] : [])];
  return `${start} at the start, ${most}, ${kind.join(', ')}`;
}

function describeExports(exports: readonly ExportReport[], style: Style): string[] {
  const called = exports.filter(({ calledByHost }) => calledByHost);
  const count = `${String(called.length)} of ${String(exports.length)}`;
  const title = `Exports: this host calls ${count}`;
  const rows = exports.map((entry) => {
    const [meaning, state] = exportState(entry);
    const note = entry.meaning ?? '';
    return [`  ${style(meaning, state)}`, entry.name, entry.signature ?? '', style('note', note)];
  });
  return [style('title', title), ...alignColumns(rows)];
}

function exportState({ name, signature, state, calledByHost }: ExportReport): [Meaning, string] {
  if (state === 'wrong-signature') return ['bad', 'wrong type'];
  if (signature === 'memory') return ['good', 'used'];
  if (name.startsWith('proxy_abi_version_')) return ['good', 'read'];
  return calledByHost ? ['good', 'called'] : ['note', 'not called'];
}

const IMPORT_STATES: Readonly<Record<ImportReport['state'], [Meaning, string]>> = {
  implemented: ['good', 'here'],
  missing: ['bad', 'missing'],
  'wrong-signature': ['bad', 'wrong type'],
};

function describeImports(imports: readonly ImportReport[], style: Style): string[] {
  const here = imports.filter(({ state }) => state === 'implemented');
  const title = `Imports: this host has ${String(here.length)} of ${String(imports.length)}`;
  const rows = imports.map(({ module, name, signature, state, note }) => {
    const [meaning, text] = IMPORT_STATES[state];
    const full = `${module}.${name}`;
    return [`  ${style(meaning, text)}`, full, signature ?? '', style('note', note ?? '')];
  });
  return [style('title', title), ...alignColumns(rows)];
}
