import type { Properties } from './options.js';
import type { PropertyValue } from './vm/context.js';

export type PropertyLookup = (path: readonly string[]) => PropertyValue | undefined;

/**
 * What the option `properties` answers for a path. In an object the longest dotted name that is a
 * beginning of the path counts; the rest of the path goes into its value.
 *
 * @param onError gets what a function of the app's throws; the property is absent then
 */
export function propertyLookup(
  properties: Properties | undefined,
  onError: (error: unknown) => void,
): PropertyLookup {
  if (properties === undefined) return () => undefined;
  if (typeof properties !== 'function') return (path) => findDotted(properties, path);
  return (path) => {
    try {
      return properties(path);
    } catch (error) {
      onError(error);
      return undefined;
    }
  };
}

function findDotted(
  properties: Record<string, PropertyValue>,
  path: readonly string[],
): PropertyValue | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const name = path.slice(0, length).join('.');
    if (Object.hasOwn(properties, name)) return descend(properties[name], path.slice(length));
  }
  return undefined;
}

function descend(
  value: PropertyValue | undefined,
  path: readonly string[],
): PropertyValue | undefined {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found instanceof Uint8Array || found instanceof Date) {
      return undefined;
    }
    found = Object.hasOwn(found, key) ? (found as Record<string, PropertyValue>)[key] : undefined;
  }
  return found;
}
