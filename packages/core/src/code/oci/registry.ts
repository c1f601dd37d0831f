/** The part of the OCI distribution API that a pull needs. */
import { ProxyWasmError } from '../../errors.js';
import { digestOf } from '../digest-cache.js';
import type { HttpAnswer, HttpClient } from '../http-client.js';
import type { ImageReference } from '../remote-url.js';
import { statusError, tooLargeError } from '../source-errors.js';
import type { SourceSettings } from '../source-settings.js';
import { MANIFEST_TYPES, type Descriptor } from './manifest.js';
import { MISSING_CREDENTIALS, RegistryAccess } from './registry-access.js';

/** As registries have it. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** One repository of a registry. */
export class Registry {
  readonly #reference: ImageReference;
  readonly #settings: SourceSettings;
  readonly #client: HttpClient;
  readonly #access: RegistryAccess;
  readonly #base: URL;

  private constructor(
    reference: ImageReference,
    settings: SourceSettings,
    client: HttpClient,
    access: RegistryAccess,
  ) {
    this.#reference = reference;
    this.#settings = settings;
    this.#client = client;
    this.#access = access;
    this.#base = baseOf(reference, settings);
  }

  static async open(
    reference: ImageReference,
    settings: SourceSettings,
    client: HttpClient,
  ): Promise<Registry> {
    const access = await RegistryAccess.open(reference, settings, client);
    return new Registry(reference, settings, client, access);
  }

  /**
   * @param name a tag, or `sha256:…`
   * @throws ProxyWasmError PW_ERR_CODE_…
   */
  async manifest(name: string): Promise<Buffer> {
    const what = `the manifest of ${this.#reference.shown}`;
    const answer = await this.#get(`manifests/${name}`, what, MAX_MANIFEST_BYTES, MANIFEST_TYPES);
    const [, expected] = /^sha256:([0-9a-f]{64})$/.exec(toldDigest(name, answer)) ?? [];
    if (expected !== undefined) checkContent(answer.body, expected, what);
    return answer.body;
  }

  /** @throws ProxyWasmError PW_ERR_CODE_… */
  async blob({ sha256, sizeBytes }: Descriptor, part: string): Promise<Buffer> {
    const what = `the ${part} of ${this.#reference.shown}`;
    const { maxBytes } = this.#settings;
    if (sizeBytes > maxBytes) throw tooLargeError(what, sizeBytes, maxBytes);
    const answer = await this.#get(`blobs/sha256:${sha256}`, what, maxBytes, '*/*');
    checkContent(answer.body, sha256, what);
    return answer.body;
  }

  async #get(path: string, what: string, maxBytes: number, accept: string): Promise<HttpAnswer> {
    const url = new URL(`/v2/${this.#reference.repository}/${path}`, this.#base);
    const ask = (): Promise<HttpAnswer> => {
      const { authorization } = this.#access;
      const secrets = authorization === undefined ? {} : { authorization };
      const headers = { accept, ...this.#settings.headers, ...secrets };
      return this.#client.get({ url, what, headers, maxBytes });
    };
    let answer = await ask();
    // Not of where it redirected to, which has no business with these credentials.
    const isChallenge = answer.status === 401 && answer.redirects.length === 0;
    if (isChallenge && (await this.#access.answerChallenge(answer, this.#base))) {
      answer = await ask();
    }
    if (answer.status !== 200) throw statusError(what, answer, MISSING_CREDENTIALS);
    return answer;
  }
}

function baseOf({ registry }: ImageReference, { plainHttp }: SourceSettings): URL {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const isLoopback = LOOPBACK.test(new URL(`http://${host}`).hostname);
  return new URL(`${(plainHttp ?? isLoopback) ? 'http' : 'https'}://${host}`);
}

/** What was asked for; else what the registry says that it sends. */
function toldDigest(name: string, { headers }: HttpAnswer): string {
  return name.startsWith('sha256:') ? name : String(headers['docker-content-digest']);
}

/** @throws ProxyWasmError PW_ERR_CODE_DIGEST */
function checkContent(bytes: Uint8Array, sha256: string, what: string): void {
  const found = digestOf(bytes);
  if (found === sha256) return;
  throw new ProxyWasmError(
    'PW_ERR_CODE_DIGEST',
    `${what} came with sha256 ${found} (${String(bytes.length)} bytes), not ${sha256}; nothing of ` +
      'it is used. The registry, or something on the way, is broken or lies',
  );
}
