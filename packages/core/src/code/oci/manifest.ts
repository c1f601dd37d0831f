/** Manifests of images: what is in them, and which of an index is meant. */
import { isPlainObject } from '../json.js';
import { imageError } from '../source-errors.js';

/** What the registry is asked for. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

/** A piece of an image, by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  /** Of sha256, in hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

interface IndexEntry extends Descriptor {
  /** `os/architecture`; undefined: not said. */
  readonly platform: string | undefined;
}

/**
 * @param what it is the manifest of, in messages
 * @returns the manifest, or of an index the one that is meant
 * @throws ProxyWasmError PW_ERR_CODE_IMAGE
 */
export function readManifest(bytes: Uint8Array, what: string): Manifest | Descriptor {
  const json = parse(bytes, what);
  const { manifests, layers, config } = json;
  // The specification warns of documents that are both, and so mean one thing here, another there.
  if (Array.isArray(manifests) && layers === undefined) return chooseManifest(manifests, what);
  if (Array.isArray(layers) && manifests === undefined) {
    return {
      config: readDescriptor(config, what),
      layers: layers.map((layer) => readDescriptor(layer, what)),
    };
  }
  const old = json['schemaVersion'] === 1 ? ' of the old version 1; push the image again' : '';
  throw imageError(`${what} has neither a manifest nor an index that can be read${old}`);
}

function parse(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (isPlainObject(json)) return json;
  } catch (cause) {
    throw imageError(`${what}: what the registry has as its manifest is no JSON`, cause);
  }
  throw imageError(`${what}: what the registry has as its manifest is no JSON object`);
}

function readDescriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size } = isPlainObject(value) ? value : {};
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(String(digest)) ?? [];
  if (typeof mediaType !== 'string' || sha256 === undefined || !Number.isSafeInteger(size)) {
    const expected = 'a media type, a sha256 digest and a size';
    throw imageError(`${what} has a manifest with a part that does not have ${expected}`);
  }
  return { mediaType, sha256, sizeBytes: size as number };
}

/**
 * For WebAssembly, if there is one; else what Istio takes, linux/amd64; else the only one. What
 * builders add about an image (attestations) is for no platform.
 */
function chooseManifest(entries: readonly unknown[], what: string): Descriptor {
  const choices = entries
    .map((entry): IndexEntry => ({ ...readDescriptor(entry, what), platform: platformOf(entry) }))
    .filter(({ platform }) => platform !== 'unknown/unknown');
  const found =
    choices.find(({ platform }) => platform?.endsWith('/wasm')) ??
    choices.find(({ platform }) => platform === 'linux/amd64') ??
    (choices.length === 1 ? choices[0] : undefined);
  if (found !== undefined) return found;
  const platforms = choices.map(({ platform }) => platform ?? 'no platform').join(', ');
  throw imageError(
    `${what} is an index with nothing for WebAssembly or linux/amd64, but ` +
      `${platforms === '' ? 'nothing else either' : platforms}; name one of them by @sha256:…`,
  );
}

function platformOf(entry: unknown): string | undefined {
  const platform = isPlainObject(entry) ? entry['platform'] : undefined;
  if (!isPlainObject(platform)) return undefined;
  return `${String(platform['os'])}/${String(platform['architecture'])}`;
}
