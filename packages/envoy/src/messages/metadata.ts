import type { Metadata } from '../model.js';
import { withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { mapOf } from '../schema/scalars.js';
import { structProperty } from '../schema/struct.js';

export const metadataMessage = message('envoy.config.core.v3.Metadata', {
  fields: { filter_metadata: withDefault(mapOf(structProperty), {}) },
  unsupported: ['typed_filter_metadata'],
});

/** As a property. */
export const metadata: Read<Metadata> = mapped(metadataMessage, ({ filter_metadata: filters }) => ({
  filter_metadata: filters,
}));
