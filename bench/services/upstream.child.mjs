/** The service that is called: says who the user is, or does what the path asks for. */
import { createServer } from 'node:http';

import { serve } from '../child.mjs';

const TEXT = Buffer.from('{"allowed":true}');

serve(
  createServer((req, res) => {
    if (req.url === '/reset') {
      res.socket?.destroy();
    } else if (req.url !== '/silent') {
      const user = req.headers.authorization?.split(' ')[1] ?? 'nobody';
      res.setHeader('x-auth-user', user);
      res.setHeader('content-type', 'application/json');
      res.setHeader('content-length', TEXT.length);
      res.statusCode = req.url === '/refused' ? 403 : 200;
      res.end(TEXT);
    }
  }),
);
