/** A module from an image in a registry. */
import type { DigestCache } from '../digest-cache.js';
import type { HttpClient } from '../http-client.js';
import type { ImageReference } from '../remote-url.js';
import { imageError } from '../source-errors.js';
import type { SourceSettings } from '../source-settings.js';
import { chooseLayer, moduleOf } from './layer.js';
import { readManifest, type Descriptor, type Manifest } from './manifest.js';
import { Registry } from './registry.js';

/**
 * Pulls the module of an image. A tag is resolved once; all that follows has the digest that what
 * came before it says, and is kept by that.
 *
 * @throws ProxyWasmError PW_ERR_CODE_…
 */
export async function fetchImage(
  reference: ImageReference,
  settings: SourceSettings,
  client: HttpClient,
  cache: DigestCache,
): Promise<Uint8Array<ArrayBuffer>> {
  const registry = await Registry.open(reference, settings, client);
  const { shown, tag, digest } = reference;
  const { config, layers } = await resolveManifest();
  const layer = chooseLayer(layers, shown);
  const [bytes] = await Promise.all([blob(layer, 'layer'), blob(config, 'configuration')]);
  return moduleOf(layer, bytes, settings.maxBytes, shown);

  async function resolveManifest(): Promise<Manifest> {
    const first =
      digest === undefined
        ? await registry.manifest(tag)
        : await manifest(digest.slice('sha256:'.length));
    const found = readManifest(first, shown);
    if ('layers' in found) return found;
    const second = readManifest(await manifest(found.sha256), shown);
    if ('layers' in second) return second;
    throw imageError(`${shown} is an index of indexes; name one of its images by @sha256:…`);
  }

  function manifest(sha256: string): Promise<Buffer> {
    return through(sha256, () => registry.manifest(`sha256:${sha256}`));
  }

  function blob(part: Descriptor, name: string): Promise<Buffer> {
    return through(part.sha256, () => registry.blob(part, name));
  }

  async function through(sha256: string, get: () => Promise<Buffer>): Promise<Buffer> {
    const kept = await cache.read(sha256);
    if (kept !== undefined) return kept;
    const bytes = await get();
    await cache.write(sha256, bytes);
    return bytes;
  }
}
