/**
 * Property paths: segments joined by one zero byte. A zero byte at the end is allowed (the C++ SDK
 * sends one, Rust and Go do not) and means nothing.
 */
const SEPARATOR = '\0';

/** The path as a guest sent it, without the zero byte at its end. */
export function trimPropertyPath(path: string): string {
  return path.endsWith(SEPARATOR) ? path.slice(0, -1) : path;
}

/** Segments of a path as a guest sent it; none of the empty path. */
export function parsePropertyPath(path: string): string[] {
  return path === '' ? [] : trimPropertyPath(path).split(SEPARATOR);
}
