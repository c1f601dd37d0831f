import type { TcpContext } from '../contexts/tcp-context.js';
import type { StreamPlugin } from '../stream/ports.js';
import { DirectionStage, type StageStream } from './direction-stage.js';

/** One plugin of a connection's chain: its context and its two directions. */
export class ConnectionFilter {
  readonly plugin: StreamPlugin;
  /** What the client sends. */
  readonly downstream: DirectionStage;
  /** What the server sends. */
  readonly upstream: DirectionStage;
  next: ConnectionFilter | null = null;
  /** Null: not (yet, or no longer) part of the connection. */
  context: TcpContext | null = null;

  /** @param limitBytes most that it holds of a direction, if its plugin does not say */
  constructor(stream: StageStream, plugin: StreamPlugin, limitBytes: number) {
    this.plugin = plugin;
    const limit = plugin.limits?.bufferedBodyBytes ?? limitBytes;
    this.downstream = new DirectionStage(stream, this, true, limit);
    this.upstream = new DirectionStage(stream, this, false, limit);
  }
}
