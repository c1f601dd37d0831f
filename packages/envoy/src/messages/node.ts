import type { EnvoyNode } from '../model.js';
import { label, optional, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { text } from '../schema/scalars.js';
import { structProperty } from '../schema/struct.js';

export const locality = message('envoy.config.core.v3.Locality', {
  fields: {
    region: withDefault(text, ''),
    zone: withDefault(text, ''),
    sub_zone: withDefault(text, ''),
  },
});

export const nodeMessage = message('envoy.config.core.v3.Node', {
  fields: {
    id: withDefault(text, ''),
    cluster: withDefault(text, ''),
    metadata: optional(structProperty),
    locality: optional(locality.read),
    user_agent_name: label('nobody is told'),
    user_agent_version: label('nobody is told'),
  },
  unsupported: [
    ...['dynamic_parameters', 'user_agent_build_version', 'extensions', 'client_features'],
    'listening_addresses',
  ],
});

/** Plugins read it as the properties `node.…` and `xds.node.…`. */
export const nodeOf: Read<EnvoyNode> = mapped(nodeMessage, (values, context) => {
  const { at, id, cluster, metadata, locality: place } = values;
  const property = {
    ...{ id, cluster },
    ...(metadata !== undefined && { metadata }),
    ...(place !== undefined && {
      locality: { region: place.region, zone: place.zone, sub_zone: place.sub_zone },
    }),
  };
  context.properties = { ...context.properties, node: property };
  return { at, id, cluster, property };
});
