import { isIP } from 'node:net';

import { refuseInvalid } from '../refusals.js';
import { reader, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { enumeration, flag, name, whole } from '../schema/scalars.js';

export const socketAddress = message('envoy.config.core.v3.SocketAddress', {
  fields: {
    protocol: withDefault(enumeration({ TCP: 'TCP', UDP: undefined }), 'TCP'),
    address: required(name),
    port_value: required(whole(0, 65_535)),
    ipv4_compat: withDefault(flag, false),
  },
  unsupported: ['named_port', 'resolver_name', 'network_namespace_filepath'],
});

export const address = message('envoy.config.core.v3.Address', {
  fields: { socket_address: required(socketAddress.read) },
  unsupported: ['pipe', 'envoy_internal_address'],
});

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
  readonly ipv4Compat: boolean;
}

export const anyAddress: Read<HostAndPort> = mapped(address, ({ socket_address: socket }) => ({
  host: socket.address,
  port: socket.port_value,
  ipv4Compat: socket.ipv4_compat,
}));

/** An address, not a name. */
export const ipAddress = reader<HostAndPort>(address.name, (node, context) => {
  const found = anyAddress(node, context);
  if (isIP(found.host) !== 0) return found;
  const text = `must be an IP address, but is ${JSON.stringify(found.host)}`;
  refuseInvalid(node.at, text);
});
