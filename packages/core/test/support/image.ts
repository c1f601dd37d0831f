/** Images with a module in them, in the layouts that are in use. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { packTar } from 'modern-tar';

export interface Blob {
  readonly bytes: Buffer;
  /** `sha256:…` */
  readonly digest: string;
}

/** A document of its own media type: a manifest or an index. */
export interface ImageDocument extends Blob {
  readonly mediaType: string;
}

export interface Image {
  readonly document: ImageDocument;
  readonly blobs: readonly Blob[];
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_TAR_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const DOCKER_TAR_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const WASM_LAYER = 'application/vnd.module.wasm.content.layer.v1+wasm';

function blobOf(bytes: Uint8Array): Blob {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes: Buffer.from(bytes), digest };
}

export function documentOf(mediaType: string, json: object): ImageDocument {
  return { mediaType, ...blobOf(Buffer.from(JSON.stringify(json))) };
}

type Part = readonly [mediaType: string, bytes: Uint8Array];

/** An image of these layers, with or without the media type in its manifest, which OCI leaves open. */
export function imageOf(
  mediaType: string,
  config: Part,
  layers: readonly Part[],
  others: object = {},
): Image {
  const parts = [config, ...layers].map(([type, bytes]) => ({ type, ...blobOf(bytes) }));
  const [first, ...rest] = parts.map(({ type, bytes, digest }) => ({
    ...{ mediaType: type, digest, size: bytes.length },
  }));
  const named = mediaType === OCI_MANIFEST ? {} : { mediaType };
  const json = { schemaVersion: 2, ...named, config: first, layers: rest, ...others };
  return { document: documentOf(mediaType, json), blobs: parts };
}

const EMPTY = Buffer.from('{}');
const OCI_CONFIG: Part = ['application/vnd.oci.image.config.v1+json', Buffer.from('{"a":1}')];
const DOCKER_CONFIG: Part = [
  'application/vnd.docker.container.image.v1+json',
  Buffer.from('{"rootfs":{}}'),
];

/** An archive as docker's COPY makes it, of files by name. */
export async function tarOf(files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const entries = Object.entries(files).map(([name, body]) => ({
    header: { name, size: body.length, type: 'file' as const },
    body,
  }));
  return Buffer.from(await packTar(entries));
}

async function compatArchive(module: Uint8Array): Promise<Buffer> {
  return tarOf({ 'runtime-config.json': EMPTY, 'plugin.wasm': module });
}

export const LAYOUTS: Readonly<Record<string, (module: Uint8Array) => Promise<Image>>> = {
  'compat, built by docker': async (module) =>
    imageOf(DOCKER_MANIFEST, DOCKER_CONFIG, [
      [DOCKER_TAR_GZIP, gzipSync(await compatArchive(module))],
    ]),
  'compat, built by buildah': async (module) =>
    imageOf(OCI_MANIFEST, OCI_CONFIG, [[OCI_TAR_GZIP, gzipSync(await compatArchive(module))]], {
      annotations: { 'module.wasm.image/variant': 'compat' },
    }),
  'compat, not packed': async (module) =>
    imageOf(OCI_MANIFEST, OCI_CONFIG, [
      ['application/vnd.oci.image.layer.v1.tar', await compatArchive(module)],
    ]),
  'an artifact with two layers, as wasme pushes it': async (module) =>
    imageOf(OCI_MANIFEST, OCI_CONFIG, [
      ['application/vnd.module.wasm.config.v1+json', Buffer.from('{"type":"envoy_proxy"}')],
      [WASM_LAYER, module],
    ]),
  'an artifact with one layer, as wasm-to-oci pushes it': async (module) =>
    imageOf(
      OCI_MANIFEST,
      ['application/vnd.wasm.config.v1+json', EMPTY],
      [['application/vnd.wasm.content.layer.v1+wasm', module]],
    ),
  'an artifact with a plain layer': async (module) =>
    imageOf(
      OCI_MANIFEST,
      ['application/vnd.oci.empty.v1+json', EMPTY],
      [['application/wasm', module]],
    ),
};

/** An index of images by platform. */
export function indexOf(images: Readonly<Record<string, Image>>): ImageDocument {
  const manifests = Object.entries(images).map(([platform, { document }]) => {
    const [os, architecture] = platform.split('/');
    const { mediaType, digest, bytes } = document;
    return { mediaType, digest, size: bytes.length, platform: { os, architecture } };
  });
  return documentOf(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}
