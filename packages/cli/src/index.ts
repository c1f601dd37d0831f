/** What an app takes of the command's package: the command itself is `proxy-wasm`. */
export {
  fromEnvoyConfig,
  type EnvoyPlugins,
  type FromEnvoyConfigOptions,
} from '@proxy-wasm-node/envoy';
