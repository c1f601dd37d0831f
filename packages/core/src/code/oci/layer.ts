/** The module in a layer: as it is, or as a file of an archive. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { unpackTar } from 'modern-tar';

import { messageOf } from '../../errors.js';
import { imageError, tooLargeError } from '../source-errors.js';
import type { Descriptor } from './manifest.js';

/** The layer is the module: wasme's (which Istio takes) and wasm-to-oci's types, and the plain one. */
const MODULES = new Set([
  'application/vnd.module.wasm.content.layer.v1+wasm',
  'application/vnd.wasm.content.layer.v1+wasm',
  'application/wasm',
]);

/** The layer is an archive: the "compat" images that docker, buildah and podman build. */
const ARCHIVES: Readonly<Record<string, 'gzip' | 'none'>> = {
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar': 'none',
};

const FILE = 'plugin.wasm';

/**
 * Where the module is.
 *
 * @throws ProxyWasmError PW_ERR_CODE_IMAGE
 */
export function chooseLayer(layers: readonly Descriptor[], what: string): Descriptor {
  const modules = layers.filter(({ mediaType }) => MODULES.has(mediaType));
  if (modules.length > 1) throw imageError(`${what} has more than one module, so none is meant`);
  const [module] = modules;
  if (module !== undefined) return module;
  // As in Istio, which looks into the last one alone.
  const last = layers.at(-1);
  if (last !== undefined && last.mediaType in ARCHIVES) return last;
  const types = layers.map(({ mediaType }) => mediaType.slice(0, 100)).join(', ');
  throw imageError(
    `${what} has no layer with a module: its layers are ${types === '' ? 'none' : types}; ` +
      `expected is one of ${[...MODULES, ...Object.keys(ARCHIVES)].join(', ')}`,
  );
}

/**
 * Takes the module out of its layer.
 *
 * @param maxBytes of the layer, unpacked
 * @throws ProxyWasmError PW_ERR_CODE_IMAGE, PW_ERR_CODE_TOO_LARGE
 */
export async function moduleOf(
  { mediaType }: Descriptor,
  bytes: Uint8Array,
  maxBytes: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const archive = ARCHIVES[mediaType];
  if (archive === undefined) return new Uint8Array(bytes);
  const unzipped = archive === 'gzip' ? await unzip(bytes, maxBytes, what) : bytes;
  const files = await unpack(unzipped, what);
  const [file] = files;
  if (file === undefined) throw imageError(`${what} has no ${FILE} in its last layer`);
  return new Uint8Array(file);
}

async function unzip(bytes: Uint8Array, maxBytes: number, what: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLargeError(`the unpacked layer of ${what}`, undefined, maxBytes);
    }
    throw imageError(`the layer of ${what} is no gzip: ${messageOf(cause)}`, cause);
  }
}

/** Only a file counts, in whatever folder of the archive. */
async function unpack(archive: Uint8Array, what: string): Promise<Uint8Array[]> {
  try {
    const entries = await unpackTar(archive, {
      strict: true,
      filter: ({ name, type }) => type === 'file' && name.split('/').at(-1) === FILE,
    });
    return entries.map(({ data }) => data).filter((data) => data !== undefined);
  } catch (cause) {
    throw imageError(`the layer of ${what} is no tar archive: ${messageOf(cause)}`, cause);
  }
}
