import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { refuseInvalid } from '../refusals.js';
import { optional, type Read } from '../schema/field.js';
import { mapped, message, type Values } from '../schema/message.js';
import type { ReadContext } from '../schema/read-context.js';
import { bytes, name, text } from '../schema/scalars.js';

export const dataSource = message('envoy.config.core.v3.DataSource', {
  fields: {
    filename: optional(name, 'a relative one starts at `baseDirectory`'),
    inline_bytes: optional(bytes),
    inline_string: optional(text),
    environment_variable: optional(name),
  },
  unsupported: ['watched_directory'],
  exactlyOne: [['filename', 'inline_bytes', 'inline_string', 'environment_variable']],
});

/** What a data source holds; files are read now. */
export const sourceBytes: Read<Uint8Array> = mapped(dataSource, bytesOf);

export function bytesOf(
  values: Values<typeof dataSource.fields>,
  context: ReadContext,
): Uint8Array {
  const { filename, environment_variable: variable } = values;
  if (filename !== undefined) {
    const path = resolve(context.baseDirectory, filename);
    try {
      return new Uint8Array(readFileSync(path));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      refuseInvalid(values.placeOf('filename'), `could not read the file: ${reason}`);
    }
  }
  if (variable !== undefined) {
    const value = context.environment[variable];
    if (value !== undefined) return Buffer.from(value, 'utf8');
    const at = values.placeOf('environment_variable');
    refuseInvalid(at, `there is no environment variable ${variable}`);
  }
  return values.inline_bytes ?? Buffer.from(values.inline_string ?? '', 'utf8');
}
