/** Runs the commands of a document, as its reader would in a clone: one after the other, in a shell. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'vitest';

import { blocksOf, placeOf, root, type Block } from './blocks.js';
import { expectOutput, filterLines, normalized } from './shell-output.js';

const repository = fileURLToPath(root);
const START_MS = 20_000;
/** Ports as documents name them: of URLs, of configurations, of options and of `listen`. */
const PORT =
  /(?<=\b(?:127\.0\.0\.1|localhost):|\bport_value: |--(?:admin-)?port |\blisten\(|\bport )\d{4,5}\b/g;

/** A server of the document that runs while its other commands do. */
interface Server {
  readonly child: ChildProcess;
  output: string;
}

export class ShellSession {
  readonly #blocks: Block[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-docs-'));
  readonly #ports = new Map<string, string>();
  readonly #servers: Server[] = [];
  #workingFolder: string;
  /** What the last command has printed; of a server, what it goes on printing. */
  #printed: string | Server = '';
  #loggedLines: string[] = [];

  constructor(document: string) {
    this.#blocks = blocksOf(document);
    this.#workingFolder = this.#folder;
  }

  async run(): Promise<void> {
    await this.#choosePorts();
    this.#layOut();
    for (const block of this.#blocks) await this.#runBlock(block);
    await this.#stopServers();
    // Not one line more than the document says.
    const logged = filterLines(this.#servers.map(({ output }) => output).join(''));
    if (this.#loggedLines.length > 0)
      expect(logged.map(this.#asWritten)).toEqual(this.#loggedLines);
  }

  async close(): Promise<void> {
    for (const { child } of this.#servers) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #runBlock(block: Block): Promise<void> {
    const { language, attributes, text } = block;
    if (language === 'sh' && attributes.has('run')) {
      const command = this.#withFreePorts(text);
      this.#printed = attributes.has('background')
        ? this.#serve(command)
        : await this.#execute(command, block);
    } else if (attributes.has('output')) {
      await this.#compare(text, block);
    } else if (attributes.has('log')) {
      await this.#compareLog(text, block);
    }
  }

  async #compare(text: string, block: Block): Promise<void> {
    const printed = this.#printed;
    if (typeof printed === 'string') {
      expectOutput(this.#asWritten(printed), text, placeOf(block));
      return;
    }
    await expect
      .poll(() => this.#asWritten(printed.output), {
        timeout: START_MS,
        message: placeOf(block),
      })
      .toContain(normalized(text));
  }

  async #compareLog(text: string, block: Block): Promise<void> {
    this.#loggedLines = [...this.#loggedLines, ...normalized(text).trimEnd().split('\n')];
    const logged = (): string[] =>
      filterLines(this.#servers.map(({ output }) => output).join('')).map(this.#asWritten);
    await expect
      .poll(logged, { timeout: START_MS, message: placeOf(block) })
      .toEqual(this.#loggedLines);
  }

  #serve(command: string): Server {
    // `exec`, so that a signal reaches the server and not the shell.
    const child = spawn('sh', ['-ec', `exec ${command}`], this.#options());
    const server: Server = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (piece: Buffer) => (server.output += piece.toString()));
    }
    this.#servers.push(server);
    return server;
  }

  async #execute(command: string, block: Block): Promise<string> {
    const child = spawn('sh', ['-ec', `${command}\npwd >&3`], this.#options());
    let printed = '';
    let problems = '';
    let folder = '';
    child.stdout?.on('data', (piece: Buffer) => (printed += piece.toString()));
    child.stderr?.on('data', (piece: Buffer) => (problems += piece.toString()));
    child.stdio[3]?.on('data', (piece: Buffer) => (folder += piece.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, `${placeOf(block)}: ${printed}${problems}`).toBe(0);
    this.#workingFolder = folder.trim();
    return printed;
  }

  #options(): { cwd: string; env: NodeJS.ProcessEnv; stdio: 'pipe'[] } {
    const path = `${join(this.#folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
    const port = this.#ports.get('18000') ?? '0';
    // Vitest's own options would reach every command.
    const env = { ...process.env, NODE_OPTIONS: undefined, PATH: path, PORT: port };
    return {
      cwd: this.#workingFolder,
      env,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    };
  }

  async #stopServers(): Promise<void> {
    for (const { child } of this.#servers) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  }

  /** What the reader has: the examples, with ports of their own, and the commands from the sources. */
  #layOut(): void {
    const examples = join(this.#folder, 'examples');
    mkdirSync(examples);
    for (const name of readdirSync(join(repository, 'examples'))) {
      const from = join(repository, 'examples', name);
      if (name === 'tutorials') this.#copyTutorials(from, join(examples, name));
      else symlinkSync(from, join(examples, name));
    }
    const bin = join(this.#folder, 'bin');
    mkdirSync(bin);
    const sources = join(repository, 'scripts/sources/register.mjs');
    const node = `'${process.execPath}' --import '${sources}' -C @proxy-wasm-node/source`;
    const command = (name: string, text: string): void => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    command('node', `exec ${node} "$@"`);
    // In a clone npx finds the command that the workspace has linked.
    const cli = join(repository, 'packages/cli/src/bin.ts');
    command('npx', `test "$1" = proxy-wasm && shift && exec ${node} '${cli}' "$@"`);
    // Less what comes before: CI's first step installs by it, and another one builds.
    const app = join(repository, 'examples/express-app/server.js');
    command('npm', `test "$*" = start && exec ${node} '${app}'`);
  }

  #copyTutorials(from: string, to: string): void {
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    for (const path of readdirSync(to, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(?:yaml|js)$/.test(path)) continue;
      const file = join(to, path);
      writeFileSync(file, this.#withFreePorts(readFileSync(file, 'utf8')));
    }
  }

  async #choosePorts(): Promise<void> {
    const tutorials = join(repository, 'examples/tutorials');
    const files = readdirSync(tutorials, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:yaml|js)$/.test(path))
      .map((path) => readFileSync(join(tutorials, path), 'utf8'));
    const commands = this.#blocks.filter(({ language }) => language === 'sh');
    const texts = [...files, ...commands.map(({ text }) => text)];
    const named = new Set(texts.flatMap((text) => text.match(PORT) ?? []).concat('18000'));
    for (const port of named) this.#ports.set(port, await freePort());
  }

  #withFreePorts(text: string): string {
    return text.replaceAll(PORT, (port) => this.#ports.get(port) ?? port);
  }

  /** With the ports that the document names, and without what differs each time. */
  readonly #asWritten = (text: string): string => {
    let written = text.replaceAll(this.#folder, '');
    for (const [named, chosen] of this.#ports) {
      written = written.replaceAll(new RegExp(`\\b${chosen}\\b`, 'g'), named);
    }
    return normalized(written);
  };
}

let next = 20_000 + (process.pid % 10_000);

/** A free port that no server which asks for any port gets: those are from 32768 on. */
async function freePort(): Promise<string> {
  for (;;) {
    next = next >= 32_000 ? 20_000 : next + 1;
    const port = next;
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => {
        resolve(false);
      });
      server.listen(port, () => {
        server.close(() => {
          resolve(true);
        });
      });
    });
    if (isFree) return String(port);
  }
}
