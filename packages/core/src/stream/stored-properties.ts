/** What filters keep with `proxy_set_property`: by the name they gave, for the rest of the stream. */

/** By the whole path, else by its first segment; `filter_state` reaches the same values. */
export function findStoredProperty(
  properties: ReadonlyMap<string, Uint8Array> | undefined,
  path: readonly string[],
): Uint8Array | undefined {
  if (properties === undefined) return undefined;
  const [first = '', ...rest] = path;
  const whole = properties.get(path.join('\0')) ?? properties.get(first);
  if (whole !== undefined || first !== 'filter_state') return whole;
  return properties.get(rest.join('\0').replace(/^wasm\./, ''));
}
