import type { PluginOptions, VmOptions } from '@proxy-wasm-node/core';

import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import {
  noted,
  optional,
  reader,
  repeated,
  required,
  withDefault,
  type Read,
} from '../schema/field.js';
import { mapped, message, type Values } from '../schema/message.js';
import { flag, mapOf, name, text } from '../schema/scalars.js';
import { codeOptions } from './code-source.js';
import { pluginConfiguration } from './plugin-configuration.js';

export const environmentVariables = message('envoy.extensions.wasm.v3.EnvironmentVariables', {
  fields: {
    host_env_keys: repeated(
      name,
      "from this process's environment; those that it lacks are left out",
    ),
    key_values: withDefault(mapOf(text), {}),
  },
});

const environment: Read<Record<string, string>> = mapped(
  environmentVariables,
  (values, context) => {
    const found: Record<string, string> = {};
    for (const key of values.host_env_keys) {
      if (Object.hasOwn(values.key_values, key)) {
        refuseInvalid(values.placeOf('key_values'), `${key} is in host_env_keys too`);
      }
      const value = context.environment[key];
      if (value !== undefined) found[key] = value;
    }
    for (const [name, value] of Object.entries(values.key_values)) {
      if (/^$|[=\0]/.test(name) || value.includes('\0')) {
        const at = values.placeOf('key_values');
        refuseInvalid(at, 'a name must not be empty or hold "=" or NUL, nor a value NUL');
      }
    }
    return { ...found, ...values.key_values };
  },
);

const RUNTIME_NOTE = 'it runs on the WebAssembly engine of Node, whatever the runtime is called';

/** Which engine: not ours to choose, but code that is part of Envoy can't be had. */
const runtime = reader<string>('text', (node, context) => {
  const value = text(node, context);
  if (value !== '') context.note(node.at, RUNTIME_NOTE);
  return value;
});

const allowPrecompiled = reader<boolean>('true or false', (node, context) => {
  const value = flag(node, context);
  if (value)
    context.note(
      node.at,
      'code that was compiled before is never used: the module is compiled here',
    );
  return value;
});

export const vmConfig = message('envoy.extensions.wasm.v3.VmConfig', {
  fields: {
    vm_id: withDefault(
      text,
      '',
      'plugins with the same one, code and configuration share a VM, as in Envoy; default: empty, and shared like any other',
    ),
    runtime: withDefault(runtime, '', 'any, with a note; code that is part of Envoy is refused'),
    code: required(codeOptions),
    configuration: optional(pluginConfiguration),
    allow_precompiled: optional(allowPrecompiled, 'a note: the module is compiled here'),
    nack_on_code_cache_miss: noted('a plugin starts when its code is there'),
    environment_variables: optional(environment),
  },
});

/** What a plugin's options take from it. */
export type VmPart = Pick<PluginOptions, 'code' | 'sha256' | 'codeSource'> & {
  readonly vm: VmOptions;
};

export const vmPart: Read<VmPart> = mapped(vmConfig, (values) => {
  refuseNative(values);
  const { vm_id: id, configuration, environment_variables: variables } = values;
  const vm: VmOptions = {
    id,
    ...(configuration !== undefined && { configuration }),
    ...(variables !== undefined && { environment: variables }),
  };
  return { ...values.code, vm };
});

const WASM_MAGIC = Buffer.from('\0asm', 'latin1');

/** Code in words is the name of a plugin that was linked into Envoy. */
function refuseNative({ code: { code }, placeOf }: Values<typeof vmConfig.fields>): void {
  if (!(code instanceof Uint8Array) || WASM_MAGIC.equals(code.subarray(0, 4))) return;
  const isName =
    code.length > 0 && code.length <= 100 && /^[\w.-]+$/.test(Buffer.from(code).toString('latin1'));
  if (isName) {
    const called = JSON.stringify(Buffer.from(code).toString('latin1'));
    refuseUnsupported(
      placeOf('code'),
      `${called} is the name of a plugin that is part of Envoy (runtime null), not a WebAssembly module`,
    );
  }
  refuseInvalid(placeOf('code'), 'is no WebAssembly module: one begins with "\\0asm"');
}
