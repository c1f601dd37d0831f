import { AbiVersion } from './types.js';

/** The marker exports and the version that each stands for. They are never called. */
const ABI_MARKERS: Readonly<Record<string, AbiVersion>> = {
  proxy_abi_version_0_1_0: AbiVersion.V0_1_0,
  proxy_abi_version_0_2_0: AbiVersion.V0_2_0,
  proxy_abi_version_0_2_1: AbiVersion.V0_2_1,
};

const MARKER_LIKE = /^proxy_abi_version_/;

/** The version a module is for: the first function export that is a known marker, as in cpp-host. */
export function findAbiVersion(functionExports: Iterable<string>): AbiVersion | undefined {
  for (const name of functionExports) {
    if (Object.hasOwn(ABI_MARKERS, name)) return ABI_MARKERS[name];
  }
  return undefined;
}

/** Exports that look like a marker, of whatever version: for the message where none is known. */
export function findMarkers(functionExports: Iterable<string>): string[] {
  return [...functionExports].filter((name) => MARKER_LIKE.test(name));
}
