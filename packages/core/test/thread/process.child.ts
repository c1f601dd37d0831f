/** A program with a service, for {@link ./process.test.ts}: what its argument says. */
import { createHost } from '../../src/index.js';

const [how = '', path = ''] = process.argv.slice(2);
const host = createHost({
  logger: { info: (_, message) => void process.stdout.write(`${message}\n`) },
});
const service = await host.createService({
  code: path,
  name: 'service',
  limits: { callbackTimeMs: false },
});
process.stdout.write(`started ${service.state}\n`);

// Otherwise the program ends here, with a service that runs.
if (how === 'exit') setTimeout(() => process.exit(7), 200);
if (how === 'close') await host.close();
process.on('exit', () => void process.stdout.write('exit\n'));
