/** The guests that are measured: the example filters, and two with next to nothing in them. */
import { fileURLToPath } from 'node:url';

const FILTERS = new URL('../examples/filters/', import.meta.url);

/**
 * @typedef {object} Filter
 * @property {string} name
 * @property {string} [configuration]
 */

/** @type {readonly Filter[]} */
export const exampleFilters = [
  { name: 'add-headers' },
  {
    name: 'basic-auth',
    configuration: JSON.stringify({ prefix: '/admin', users: { alice: 'wonderland' } }),
  },
  { name: 'headers' },
  { name: 'redact' },
  { name: 'json-validation', configuration: JSON.stringify({ requiredKeys: ['id'] }) },
  { name: 'hello' },
];

/**
 * @param {string} name of an example filter
 * @returns {string} the path of its module
 */
export function filterPath(name) {
  return fileURLToPath(new URL(`${name}/${name}.wasm`, FILTERS));
}
