/**
 * The same servers as over HTTP, without sockets: no kernel and no client, so that the sides can take
 * turns in one process. It tells changes of some percent, which the other can't; not what users get.
 */
import { measureInChild } from '../child.mjs';
import { frameworks } from '../http/framework.mjs';
import { median } from '../statistics.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('./framework.child.mjs').SocketlessResult} SocketlessResult */

const SCRIPT = new URL('framework.child.mjs', import.meta.url);

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function socketlessBenchmark({ launches, effort }, progress) {
  /** @type {Map<string, SocketlessResult[]>} */
  const results = new Map(frameworks.map(({ name }) => [name, []]));
  for (let launch = 1; launch <= launches; launch += 1) {
    progress(`socketless: launch ${launch} of ${launches}`);
    for (const { name } of frameworks) {
      results.get(name)?.push(await measureInChild(SCRIPT, { framework: name, effort }));
    }
  }
  return [sectionOf(results)];
}

/**
 * @param {Map<string, SocketlessResult[]>} results
 * @returns {Section}
 */
function sectionOf(results) {
  const rows = [...results].map(([framework, launches]) => {
    /** @param {string} side */
    const ns = (side) => median(launches.map((result) => result[side]?.median ?? NaN));
    const more = launches.map(({ filter, 'hand-written': own }) =>
      filter === undefined || own === undefined ? NaN : filter.median / own.median - 1,
    );
    return {
      server: framework,
      'none ns': ns('none'),
      'hand-written ns': ns('hand-written'),
      'filter ns': ns('filter'),
      'filter more than hand-written': median(more),
    };
  });
  return {
    id: 'socketless',
    title: 'One request without sockets: GET with 8 headers, 24 bytes of JSON (for information)',
    note: 'filter: add-headers; all sides in one process, in turns; medians over launches',
    rows,
    raw: Object.fromEntries(results),
  };
}
