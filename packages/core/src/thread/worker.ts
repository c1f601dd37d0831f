/** Where a service's thread begins: it makes a plugin, whose host is on the main thread. */
import { parentPort, workerData } from 'node:worker_threads';

import { Plugin } from '../plugin.js';
import { createServices } from '../services/host-services.js';
import { VmRegistry } from '../vm-registry.js';
import { Control } from './control.js';
import { toErrorData } from './error-data.js';
import type { FromThread, MainCalls, ThreadData, ToThread } from './messages.js';
import { RemoteFunctions } from './remote-functions.js';
import { createRemoteLogger } from './remote-logger.js';
import { RemoteState } from './remote-state.js';
import { RemoteUpstreams } from './remote-upstreams.js';
import { SyncCaller } from './sync-calls.js';

/** How often the size of the guest's memory is told. */
const MEMORY_INTERVAL_MS = 1000;
const PAGE_BYTES = 65_536;

if (parentPort === null) throw new Error('this file is the beginning of a worker thread');
const main = parentPort;
const { options, functionNames, control, replies, storeTimeoutMs } = workerData as ThreadData;

const tell = (message: FromThread): void => {
  main.postMessage(message);
};

const caller = new SyncCaller<MainCalls>(main, replies, control, storeTimeoutMs);
const sharedState = new RemoteState(caller, control);
const upstreams = new RemoteUpstreams(caller, main);
const remote = new RemoteFunctions(caller, functionNames);
let plugin: Plugin | undefined;

main.on('message', (message: ToThread) => {
  switch (message.type) {
    case 'queue-ready':
      sharedState.queueReady(message);
      break;
    case 'http-outcome':
      upstreams.finished(message);
      break;
    case 'function-result':
      remote.finished(message);
      break;
    case 'close':
      void close();
      break;
  }
});

try {
  await start();
  tell({ type: 'started' });
} catch (error) {
  tell({ type: 'start-failed', error: toErrorData(error) });
}

async function start(): Promise<void> {
  const registry = new VmRegistry({
    logger: createRemoteLogger(caller),
    hostFunctions: {},
    clock: undefined,
    // Its code comes from the main thread.
    codeSource: undefined,
    upstreams,
    // Callbacks are not counted: nobody would read it here.
    host: createServices({ sharedState, foreignFunctions: remote.functions }),
  });
  const owner = { isOpen: () => true, onClosed: () => undefined };
  plugin = await Plugin.open(registry, options, owner);
  plugin.on('failed', (error, { heals }) => {
    tell({ type: 'failed', error: toErrorData(error), heals });
  });
  plugin.on('recovered', (details) => {
    tell({ type: 'recovered', details });
  });
  tellMemory();
  setInterval(tellMemory, MEMORY_INTERVAL_MS).unref();
}

/** By the way: nobody waits for it. */
function tellMemory(): void {
  const sizeBytes = plugin?.context?.vm.memory.sizeBytes ?? 0;
  Atomics.store(control, Control.MEMORY_PAGES, sizeBytes / PAGE_BYTES);
}

/** Its own end is the main thread's doing. */
async function close(): Promise<void> {
  await plugin?.close();
  upstreams.close();
  tell({ type: 'closed' });
}
