// What stands behind the proxy.
import { createServer } from 'node:http';

const server = createServer((req, res) => {
  res.setHeader('content-type', 'application/json');
  res.end('Hello, world\n');
});
server.listen(9000, 'localhost', () => {
  console.log('the web service listens on port 9000');
});
