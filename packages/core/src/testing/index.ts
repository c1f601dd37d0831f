/** The public names of `@proxy-wasm-node/core/testing`: filters without a server. */
export { runExchange } from './run-exchange.js';
export type { ExchangeResult, TestApp } from './test-exchange.js';
export type {
  ExchangeMessage,
  ExchangeRequest,
  ExchangeResponse,
  GivenHeaders,
  HeaderEntries,
} from './messages.js';
