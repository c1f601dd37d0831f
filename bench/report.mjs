/** Tables for people and JSON for everything else. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname } from 'node:path';

/**
 * One table, and the measurements that it was made of.
 *
 * @typedef {object} Section
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {readonly Row[]} rows
 * @property {unknown} raw
 */

/** @typedef {Record<string, string | number>} Row */

/**
 * @param {Section} section
 * @returns {string}
 */
export function formatSection({ title, note, rows }) {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((name) => formatCell(row[name])))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  const lines = cells.map((line) =>
    line
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [`\n${title}`, `(${note})`, lines[0], rule, ...lines.slice(1)].join('\n');
}

/** @param {string | number | undefined} value */
function formatCell(value) {
  if (typeof value !== 'number') return value ?? '';
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 100 ? 1 : 3);
}

/** What the figures hold for. */
export function environment() {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    cpu: `${processors.length} x ${processors[0]?.model ?? 'unknown'}`,
  };
}

/**
 * @param {string} file
 * @param {ReturnType<typeof environment>} where
 * @param {object} scale
 * @param {readonly Section[]} sections
 */
export async function writeReport(file, where, scale, sections) {
  const report = { environment: where, scale, sections };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
}
