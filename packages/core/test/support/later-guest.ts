import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';

const RESPONSE = 1;
const PAUSE = 1;

/** Holds each response's head for some milliseconds; one exchange at a time. */
export const LETS_HEADS_GO_LATER: GuestScript['callbacks'] = {
  proxy_on_configure: [{ setTickPeriod: 3 }, { return: 1 }],
  proxy_on_response_headers: [{ keepContext: true }, { return: PAUSE }],
  proxy_on_tick: [{ effectiveContext: 'kept' }, { continueStream: RESPONSE }],
};
