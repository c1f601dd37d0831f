/** The `properties` option of a plugin: what the app adds to what Node knows. */
import type { PropertyValue } from '../vm/context.js';

/**
 * By dotted path (`'node.id': 'x'`), each value a scalar or a nested object or array that further
 * segments look into; or a function of the path's segments.
 */
export type PropertyOption =
  | Readonly<Record<string, PropertyValue>>
  | ((path: readonly string[]) => PropertyValue | undefined);

export type PropertySource = (path: readonly string[]) => PropertyValue | undefined;

/** Paths that moved under `xds` in newer Envoys; SDKs and filters use either spelling. */
const MOVED = new Set([
  'node',
  'cluster_name',
  'cluster_metadata',
  'route_name',
  'route_metadata',
  'listener_direction',
  'listener_metadata',
  'upstream_host_metadata',
]);

/**
 * Makes the lookup that contexts use. It never throws: what the app's function or objects throw
 * goes to `report`, and the property is not there.
 *
 * @param report told of what was thrown; default: nobody is
 */
export function createPropertySource(
  option: PropertyOption | undefined,
  report: (error: unknown) => void = () => undefined,
): PropertySource {
  if (option === undefined) return () => undefined;
  const find: PropertySource =
    typeof option === 'function' ? option : (path) => findInRecord(option, path);
  return (path) => {
    try {
      return find(path) ?? findOtherSpelling(find, path);
    } catch (error) {
      report(error);
      return undefined;
    }
  };
}

function findOtherSpelling(
  find: PropertySource,
  path: readonly string[],
): PropertyValue | undefined {
  const [first = '', second = ''] = path;
  if (first === 'xds') return MOVED.has(second) ? find(path.slice(1)) : undefined;
  return MOVED.has(first) ? find(['xds', ...path]) : undefined;
}

/** The longest beginning of the path that is a key; what is left of the path looks into its value. */
function findInRecord(
  record: Readonly<Record<string, PropertyValue>>,
  path: readonly string[],
): PropertyValue | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const key = path.slice(0, length).join('.');
    if (!Object.hasOwn(record, key)) continue;
    const value = propertyAt(record[key], path, length);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** What the segments from `from` on lead to: keys of objects, decimal indexes of arrays. */
function propertyAt(
  value: PropertyValue | undefined,
  path: readonly string[],
  from: number,
): PropertyValue | undefined {
  let found: unknown = value;
  for (let index = from; index < path.length; index += 1) {
    const segment = path[index] as string;
    if (!isIndexable(found) || !Object.hasOwn(found, segment)) return undefined;
    found = found[segment];
  }
  return found as PropertyValue | undefined;
}

/** Not bytes and not strings: their elements are no properties. */
function isIndexable(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}
