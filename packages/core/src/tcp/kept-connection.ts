/** One of each object that a filtered connection is made of. @see keepShape */
import { Socket } from 'node:net';

import type { PluginContext } from '../contexts/plugin-context.js';
import { TcpContext } from '../contexts/tcp-context.js';
import type { StreamPlugin } from '../stream/ports.js';
import { keepShape } from '../vm/kept-shape.js';
import { ConnectionFilter } from './connection-filter.js';
import { Connection } from './connection.js';

/** Over a socket that is connected to nothing. */
export function keepConnection(): void {
  const connection = new Connection(new Socket(), 0);
  const filter = new ConnectionFilter(connection.stream, {} as StreamPlugin, 0);
  const root = { vm: { nextContextId: () => 0 } } as PluginContext;
  keepShape(connection);
  keepShape(filter);
  keepShape(new TcpContext(root, connection.stream, filter.downstream, filter.upstream));
}
