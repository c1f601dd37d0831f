// The app behind the proxy. It knows nothing of filters.
import { createServer } from 'node:http';

export function createApp() {
  const server = createServer((req, res) => {
    if (req.url === '/orders') {
      // What the proxy let through, as it came.
      res.setHeader('content-type', 'application/json');
      req.pipe(res);
    } else if (req.url === '/secret') {
      res.end('card 4111-1111-1111-1111\n');
    } else {
      res.end(`hello ${String(req.headers['x-user'])}\n`);
    }
  });
  // Stands for a WebSocket library: says hello, then echoes bytes.
  server.on('upgrade', (req, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    socket.write(`hello ${String(req.headers['x-user'])}\n`);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  return server;
}
