/** How far a row's exchanges have come, for those who wait for that instead of for a time. */
import type { ServerResponse } from 'node:http';

import { pause, until } from './answer.js';
import type { RowView } from './behaviour.js';
import type { RowClient } from './client.js';

export class Progress implements RowView {
  /** All that guests have logged; its parts may be waited for. */
  readonly logs: string[] = [];
  /** What went wrong. */
  readonly errors: string[] = [];
  /** Where the app answers, or has answered. */
  readonly responses: ServerResponse[] = [];
  client: RowClient | undefined;

  async received(text: string): Promise<void> {
    await this.client?.received.contains(text);
  }

  async logged(text: string): Promise<void> {
    await until(() => this.logs.includes(text), `a guest logs "${text}"`);
  }

  /** The app has been given a request. */
  async reached(): Promise<void> {
    await until(() => this.responses.length > 0, 'a request reaches the app');
  }

  /**
   * Nothing more will happen by itself: the client has sent all that it sends before an answer, and
   * the app has ended what it has begun, or waits for who takes it.
   */
  async atRest(): Promise<void> {
    await until(
      () => this.client?.hasSent !== false && this.responses.every(isAtRest),
      'client and app come to rest',
    );
    // What is on its way between two servers takes turns of the loop.
    for (let turns = 5; turns > 0; turns -= 1) await pause(4);
  }
}

function isAtRest(response: ServerResponse): boolean {
  const { headersSent, writableEnded, destroyed, closed } = response;
  const waitsForDrain = response.listenerCount('drain') > 0;
  return !headersSent || writableEnded || destroyed || closed || waitsForDrain;
}
