/** The runnable programs in the documents: fenced blocks that begin with "js runnable=<name>". */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { Server, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { vi } from 'vitest';

const root = new URL('../../../../', import.meta.url);
/** In here `../filters` and `../tutorials` lead to the examples', as in `examples/express-app`. */
const stage = new URL('../../dist/', import.meta.url);

const BLOCK = /^```js runnable=(\S+)\n([\s\S]*?)^```$/gm;

export interface Snippet {
  readonly name: string;
  readonly document: string;
  readonly code: string;
}

export function findSnippets(documents: readonly string[]): Snippet[] {
  return documents.flatMap((document) => {
    const text = readFileSync(new URL(document, root), 'utf8');
    return [...text.matchAll(BLOCK)].map(([, name = '', code = '']) => ({ name, document, code }));
  });
}

export function prepareStage(): void {
  mkdirSync(new URL('docs/', stage), { recursive: true });
  for (const folder of ['filters', 'tutorials']) linkExamples(folder);
}

function linkExamples(folder: string): void {
  try {
    // Relative, so that a clone may be moved; a junction needs no rights on Windows.
    const link = fileURLToPath(new URL(folder, stage));
    symlinkSync(`../../../examples/${folder}`, link, 'junction');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** What a program is doing: the servers that it has started, and the handlers of its end. */
export interface Running {
  /** Where the program's first server listens; fails if there is none. */
  origin(): Promise<string>;
  readonly server: Server | undefined;
  /** Calls what the program would do on SIGTERM. */
  terminate(): void;
  stop(): Promise<void>;
}

/**
 * Runs a program in this process, with the packages' sources, until its last top-level statement.
 * Its servers get a free port, whatever port it asks for.
 */
export async function run({ name, code }: Snippet): Promise<Running> {
  const servers: Server[] = [];
  const { listen } = Server.prototype;
  const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (
    this: Server,
    ...values: unknown[]
  ) {
    servers.push(this);
    const onListening = values.find((value) => typeof value === 'function');
    // As never: of all its overloads, call and apply know the last one only.
    return listen.apply(this, [0, '127.0.0.1', onListening] as never);
  });
  const before = process.listeners('SIGTERM');
  const file = new URL(`docs/${name}.mjs`, stage);
  writeFileSync(file, code);
  try {
    await import(/* @vite-ignore */ fileURLToPath(file));
  } finally {
    spy.mockRestore();
  }
  const onTerminate = process.listeners('SIGTERM').filter((each) => !before.includes(each));
  return {
    server: servers[0],
    origin: () => originOf(servers[0]),
    terminate: () => {
      for (const listener of onTerminate) listener('SIGTERM');
    },
    stop: async () => {
      for (const listener of onTerminate) process.off('SIGTERM', listener);
      await Promise.all(servers.map(closed));
    },
  };
}

async function originOf(server: Server | undefined): Promise<string> {
  if (server === undefined) throw new Error('the program has started no server');
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
  });
}
