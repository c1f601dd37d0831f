import type { PluginOptions, ServiceOptions } from '@proxy-wasm-node/core';

import type { WasmService } from '../model.js';
import { label, repeated, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { flag } from '../schema/scalars.js';
import { oneOfTypes } from '../schema/typed-config.js';
import { pluginOptions } from './wasm-plugin.js';

export const wasmService = message('envoy.extensions.wasm.v3.WasmService', {
  fields: {
    config: required(pluginOptions),
    singleton: withDefault(
      flag,
      false,
      'false: one per worker thread in Envoy; here one, with a note',
    ),
  },
});

const readService: Read<WasmService> = mapped(wasmService, (values, context) => {
  const { at, config, singleton, placeOf } = values;
  if (!singleton) {
    const text = 'one service is started for this process, which is one worker to Envoy';
    context.note(placeOf('singleton'), text);
  }
  return {
    at,
    name: config.name ?? config.rootId ?? '',
    singleton,
    options: serviceOptions(config),
  };
});

/** A service sees no requests, so what is about them is left out. */
function serviceOptions(config: PluginOptions): ServiceOptions {
  const options: Partial<PluginOptions> = { ...config };
  delete options.allowOnHeadersStopIteration;
  delete options.inFlightPolicy;
  return options as ServiceOptions;
}

export const bootstrapExtension = message('envoy.config.core.v3.TypedExtensionConfig', {
  fields: {
    name: label('says nothing: `@type` does'),
    typed_config: required(oneOfTypes({ [wasmService.name]: readService })),
  },
});

export const bootstrapExtensions = repeated(
  mapped(bootstrapExtension, ({ typed_config: service }) => service),
);
