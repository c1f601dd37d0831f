// The server behind the proxy: a small store that is spoken to in lines, as memcached is. It knows
// nothing of filters.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export function createStore() {
  /** @type {Map<string, string>} */
  const values = new Map();
  return createServer((socket) => {
    socket.on('error', () => socket.destroy());
    const lines = createInterface({ input: socket });
    lines.on('error', () => socket.destroy());
    lines.on('line', (line) => {
      const [command = '', key = '', ...words] = line.split(' ');
      if (command === 'set') {
        values.set(key, words.join(' '));
        socket.write('STORED\n');
      } else if (command === 'get') {
        socket.write(`${values.get(key) ?? 'NOT_FOUND'}\n`);
      } else if (command === 'flush_all') {
        values.clear();
        socket.write('OK\n');
      } else {
        socket.write('ERROR\n');
      }
    });
  });
}
