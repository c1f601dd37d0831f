/** A real registry on this machine: Debian's docker-registry, which needs no root. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Blob, Image, ImageDocument } from './image.js';

/** Whether it is installed. */
export function hasDockerRegistry(): boolean {
  try {
    execFileSync('docker-registry', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface DockerRegistry {
  /** `127.0.0.1:41234` */
  readonly host: string;
  close(): Promise<void>;
}

/**
 * Starts one on a free port, with an empty store.
 *
 * @param section more of its configuration, as YAML
 * @param files to be put beside it; `@/` in `section` is their folder
 */
export async function startDockerRegistry(
  section = '',
  files: Readonly<Record<string, string>> = {},
): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const config = `version: 0.1
log: { level: info, formatter: text }
storage: { filesystem: { rootdirectory: '@/store' } }
http: { addr: '127.0.0.1:0' }
${section}`;
  const path = join(folder, 'config.yml');
  await writeFile(path, config.replaceAll('@/', `${folder}/`));
  const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  let log = '';
  const host = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      log += chunk.toString();
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    void ended.then(() => {
      reject(new Error(`docker-registry ended:\n${log}`));
    });
  });
  return {
    host,
    async close() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** Pushes by the registry's HTTP API, as any client does. */
export class Pusher {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(host: string, repository: string, headers: Record<string, string> = {}) {
    this.#base = `http://${host}/v2/${repository}`;
    this.#headers = headers;
  }

  async image({ document, blobs }: Image, ...tags: string[]): Promise<void> {
    for (const blob of blobs) await this.blob(blob);
    await this.document(document, ...tags);
  }

  async document({ bytes, digest, mediaType }: ImageDocument, ...tags: string[]): Promise<void> {
    for (const name of [digest, ...tags]) {
      const headers = { 'content-type': mediaType };
      await this.#send('PUT', `${this.#base}/manifests/${name}`, new Uint8Array(bytes), headers);
    }
  }

  async blob({ bytes, digest }: Blob): Promise<void> {
    const upload = await this.#send('POST', `${this.#base}/blobs/uploads/`);
    const url = new URL(upload.headers.get('location')!, this.#base);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await this.#send('PUT', url.href, new Uint8Array(bytes), headers);
  }

  async #send(
    method: string,
    url: string,
    body?: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const all = { ...this.#headers, ...headers };
    const response = await fetch(url, { method, headers: all, body: body ?? null });
    if (response.ok) return response;
    throw new Error(`${method} ${url}: ${String(response.status)} ${await response.text()}`);
  }
}
