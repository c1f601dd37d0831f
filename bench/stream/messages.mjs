/** The exchange that every filter is measured with: 14 request headers, 6 response headers, no bodies. */

/** As Node's `rawHeaders` has them. */
export const RAW_REQUEST_HEADERS = [
  ...['Host', 'shop.example'],
  ...['User-Agent', 'curl/8.14.1'],
  ...['Accept', '*/*'],
  ...['X-User', 'ann'],
  ...['Accept-Encoding', 'gzip, deflate, br'],
  ...['Accept-Language', 'en-US,en;q=0.9'],
  ...['Cache-Control', 'no-cache'],
  ...['Referer', 'http://shop.example/'],
  ...['X-Request-Id', 'f3f1c0de-0000-4000-8000-000000000000'],
  ...['X-Forwarded-For', '10.1.2.3'],
  ...['Cookie', 'session=0123456789abcdef; theme=dark'],
];

/** What stands beside the raw headers; `:authority` is the host among them. */
export const PSEUDO_HEADERS = [
  ...[':path', '/products?page=2'],
  ...[':method', 'GET'],
  ...[':scheme', 'http'],
];

export const RESPONSE_HEADERS = [
  ...[':status', '200'],
  ...['content-type', 'application/json; charset=utf-8'],
  ...['content-length', '24'],
  ...['etag', 'W/"18-abcdefghijklmnopqrstuvwxyz0"'],
  ...['x-powered-by', 'Express'],
  ...['date', 'Sat, 21 Nov 2026 00:00:00 GMT'],
];
