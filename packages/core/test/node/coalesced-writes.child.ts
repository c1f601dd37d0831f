/** Answers three requests in one turn and exits in the same. Arguments: the filter's path. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { wasmFilter } from '../../src/node/index.js';

const filter = wasmFilter({ code: process.argv[2] ?? '' });
await filter.ready();
const responses: ServerResponse[] = [];
const server = createServer((req, res) => {
  filter(req, res, () => {
    responses.push(res);
    if (responses.length < 3) return;
    for (const response of responses) response.end('bye');
    process.exit(0);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
