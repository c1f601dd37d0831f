/** The configurations beside the tests, with modules of examples/filters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the configurations' modules are. */
export const FILTERS = fileURLToPath(new URL('../../../../examples/filters', import.meta.url));

export function configuration(name: string): string {
  return readFileSync(new URL(`../configurations/${name}`, import.meta.url), 'utf8');
}

export function filterPath(name: string): string {
  return join(FILTERS, name, `${name}.wasm`);
}

export const READ = { baseDirectory: FILTERS, environment: {} };

/** A list of one wasm filter, with these fields of its PluginConfig; two spaces deep. */
export function wasmFilterWith(fields: string): string {
  return `
- name: anything
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
${fields.replace(/^(?=.)/gm, '      ')}
`;
}

/** A VmConfig that runs `hello`. */
export const HELLO_VM = 'vm_config: { code: { local: { filename: hello/hello.wasm } } }';
