/** The exchange that every server is loaded with: a small GET, answered with 24 bytes of JSON. */

export const ANSWER = { hello: 'wasm filters' };
export const ANSWER_TEXT = JSON.stringify(ANSWER);

/** With `host` and `connection`, which the client adds, eight. */
export const REQUEST_HEADERS = {
  'user-agent': 'bench',
  accept: '*/*',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-US,en;q=0.9',
  'x-user': 'ann',
  'x-request-id': 'f3f1c0de-0000-4000-8000-000000000000',
};
