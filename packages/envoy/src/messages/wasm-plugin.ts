/** `PluginConfig`: one use of a module, as options of core. */
import {
  envoyFailurePolicy,
  type EnvoyFailureConfig,
  type PluginOptions,
} from '@proxy-wasm-node/core';

import type { WasmPlugin } from '../model.js';
import { refuseInvalid } from '../refusals.js';
import { optional, reader, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message, type Message, type Values } from '../schema/message.js';
import type { ReadContext } from '../schema/read-context.js';
import { enumeration, flag, mapOf, text } from '../schema/scalars.js';
import { backoff } from './code-source.js';
import { pluginConfiguration } from './plugin-configuration.js';
import { vmPart } from './vm-config.js';

export const sanitizationConfig = message('envoy.extensions.wasm.v3.SanitizationConfig', {
  fields: {},
});

/** Nothing is in it, so a name with nothing behind it says the same. */
const allowed = reader<unknown>(sanitizationConfig.name, (node, context) => {
  return node.isNull ? undefined : sanitizationConfig.read(node, context);
});

export const capabilityRestriction = message(
  'envoy.extensions.wasm.v3.CapabilityRestrictionConfig',
  {
    fields: {
      allowed_capabilities: withDefault(mapOf(allowed), {}, 'empty: all are allowed'),
    },
  },
);

export const reloadConfig = message('envoy.extensions.wasm.v3.ReloadConfig', {
  fields: { backoff: optional(backoff) },
});

const POLICIES = {
  UNSPECIFIED: 'UNSPECIFIED',
  FAIL_RELOAD: 'FAIL_RELOAD',
  FAIL_CLOSED: 'FAIL_CLOSED',
  FAIL_OPEN: 'FAIL_OPEN',
};

export const pluginConfig = message('envoy.extensions.wasm.v3.PluginConfig', {
  fields: {
    name: withDefault(text, '', "default here: the file's name"),
    root_id: withDefault(text, ''),
    vm_config: required(vmPart),
    configuration: optional(pluginConfiguration),
    fail_open: optional(flag),
    failure_policy: optional(enumeration(POLICIES), 'default: FAIL_CLOSED'),
    reload_config: optional(reloadConfig.read),
    capability_restriction_config: optional(capabilityRestriction.read),
    allow_on_headers_stop_iteration: optional(flag),
  },
});

type PluginValues = Values<typeof pluginConfig.fields>;

/** A plugin's options, with the properties of node and listener. */
export const pluginOptions: Read<PluginOptions> = mapped(pluginConfig, (values, context) => {
  const { name, root_id: rootId, configuration, allow_on_headers_stop_iteration: stops } = values;
  const capabilities = Object.keys(
    values.capability_restriction_config?.allowed_capabilities ?? {},
  );
  const reloadBackoff = values.reload_config?.backoff;
  const { properties } = context;
  return {
    ...values.vm_config,
    ...(name !== '' && { name }),
    ...(rootId !== '' && { rootId }),
    ...(configuration !== undefined && { configuration }),
    ...failurePolicies(values),
    ...(reloadBackoff !== undefined && { reloadBackoff }),
    ...(capabilities.length > 0 && { capabilities }),
    ...(stops !== undefined && { allowOnHeadersStopIteration: stops }),
    ...(Object.keys(properties).length > 0 && { properties }),
  };
});

function failurePolicies({ fail_open: failOpen, failure_policy: policy, placeOf }: PluginValues) {
  const isGiven = policy !== undefined && policy !== 'UNSPECIFIED';
  if (failOpen === true && isGiven) {
    refuseInvalid(placeOf('fail_open'), 'fail_open and failure_policy can not both be given');
  }
  const config: EnvoyFailureConfig = {
    ...(policy !== undefined && { failure_policy: policy }),
    ...(failOpen !== undefined && { fail_open: failOpen }),
  };
  return envoyFailurePolicy(config);
}

/** The filter's message: HTTP, network, in Envoy's API of today and of before. */
function wasmMessage(name: string): Message<{ config: ReturnType<typeof configField> }> {
  return message(name, { fields: { config: configField() } });
}

function configField() {
  return required(pluginOptions);
}

export const httpWasm = wasmMessage('envoy.extensions.filters.http.wasm.v3.Wasm');
export const networkWasm = wasmMessage('envoy.extensions.filters.network.wasm.v3.Wasm');

const OLDER = {
  http: 'envoy.config.filter.http.wasm.v2.Wasm',
  network: 'envoy.config.filter.network.wasm.v2.Wasm',
};

function readerOf(source: typeof httpWasm, isOlder: boolean): Read<WasmPlugin> {
  return (node, context: ReadContext) => {
    if (isOlder) context.note(node.at, `an older type; newer Envoys want ${source.name}`);
    const { at, config } = source.read(node, context);
    return { at, name: nameOf(config), options: config };
  };
}

function nameOf({ name, rootId }: PluginOptions): string {
  return name ?? rootId ?? '';
}

/** By type. */
export const httpWasmReaders = {
  [httpWasm.name]: readerOf(httpWasm, false),
  [OLDER.http]: readerOf(httpWasm, true),
};

export const networkWasmReaders = {
  [networkWasm.name]: readerOf(networkWasm, false),
  [OLDER.network]: readerOf(networkWasm, true),
};
