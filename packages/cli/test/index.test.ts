import { expect, it } from 'vitest';
import * as cli from '@proxy-wasm-node/cli';
import { fromEnvoyConfig } from '@proxy-wasm-node/envoy';

it('exports what reads Envoy’s configuration, the same as @proxy-wasm-node/envoy', () => {
  expect(Object.keys(cli)).toEqual(['fromEnvoyConfig']);
  expect(cli.fromEnvoyConfig).toBe(fromEnvoyConfig);
});
