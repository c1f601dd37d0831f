/** The filter `add-headers`, as one would write it in JavaScript. */

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */

/**
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 * @param {() => void} next
 */
export function addHeaders(req, res, next) {
  const { headers } = req;
  headers['x-wasm-user'] = headers['x-user'] ?? 'anonymous';
  headers['x-wasm-filter'] = 'add-headers';
  res.setHeader('x-wasm', '1');
  next();
}
