import { refuse } from './option-checks.js';
import type { PluginOptions } from './options.js';

/** The fields of Envoy's `PluginConfig` that say what becomes of requests when a plugin fails. */
export interface EnvoyFailureConfig {
  /** Name or number of the enum. */
  failure_policy?: string | number;
  /** The older field; Envoy refuses both together. */
  fail_open?: boolean;
}

type Policies = Required<Pick<PluginOptions, 'failurePolicy' | 'inFlightPolicy'>>;

const CLOSED: Policies = { failurePolicy: 'fail-closed', inFlightPolicy: 'fail-closed' };

const BY_NAME: Readonly<Record<string, Policies>> = {
  UNSPECIFIED: CLOSED,
  FAIL_RELOAD: { failurePolicy: 'fail-reload', inFlightPolicy: 'fail-closed' },
  FAIL_CLOSED: CLOSED,
  FAIL_OPEN: { failurePolicy: 'fail-open', inFlightPolicy: 'fail-closed' },
};
const NAMES = Object.keys(BY_NAME);

/**
 * Options for what Envoy's configuration says, keeping Envoy's behaviour: unspecified is
 * 'fail-closed'; with `FAIL_OPEN` the streams that are open when the plugin fails still get 503;
 * with the older `fail_open: true` they go on without it. @see abi.md 6.16
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function envoyFailurePolicy(config: EnvoyFailureConfig): Policies {
  const { failure_policy: given = 'UNSPECIFIED', fail_open: failOpen = false } = config;
  const name = typeof given === 'number' ? NAMES[given] : given;
  const policies = name !== undefined && Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  if (policies === undefined) {
    refuse('failure_policy', `${NAMES.join(', ')} or their number`, given);
  }
  if (!failOpen) return policies;
  if (name !== 'UNSPECIFIED') refuse('fail_open', 'absent where failure_policy is given', failOpen);
  return { failurePolicy: 'fail-open', inFlightPolicy: 'fail-open' };
}
