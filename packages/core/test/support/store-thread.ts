/** A worker thread that has the store: the other way round than in a service, so that a test can ask. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';

import { createSharedState } from '../../src/create-shared-state.js';
import { HostMetrics } from '../../src/services/host-metrics.js';
import { QueueFeed } from '../../src/thread/queue-feed.js';
import { StateAnswers } from '../../src/thread/state-answers.js';
import { CallAnswerer, type CallMessage } from '../../src/thread/sync-calls.js';

export interface StoreThreadData {
  control: Int32Array<SharedArrayBuffer>;
  replies: MessagePort;
  limits: { dataBytes?: number };
}

const port = parentPort!;
const { control, replies, limits } = workerData as StoreThreadData;
const store = createSharedState(limits);
const answers = new StateAnswers(store, new HostMetrics(), new QueueFeed(port, control));

/** What a test has the thread do beside. */
const more = {
  throwOne(): never {
    throw Object.assign(new RangeError('no such thing'), { code: 'ERR_NO_SUCH' });
  },
  answerFunction: () => () => undefined,
  sleep: (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};

const answerer = new CallAnswerer([answers, more], replies, control);
port.on('message', (message: CallMessage | { type: 'block'; word: Int32Array }) => {
  if (message.type === 'call') answerer.answer(message);
  // Busy, until the test says.
  else Atomics.wait(message.word as Int32Array<SharedArrayBuffer>, 0, 0);
});
port.postMessage({ type: 'ready' });
