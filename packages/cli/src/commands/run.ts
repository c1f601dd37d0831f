import { Option, type Command } from 'commander';

import type { CommandSetting } from '../program.js';
import type { RunOptions } from '../serve/run.js';

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

/** `proxy-wasm run envoy.yaml`, `proxy-wasm run main.wasm`. */
export function runCommand(program: Command, { terminal }: CommandSetting): void {
  program
    .command('run')
    .summary('serve an Envoy configuration, or one filter')
    .description(
      'Starts the listeners of an Envoy configuration, or one listener with one filter. Ctrl-C lets ' +
        'open requests end, and the filters finish; a second one ends at once.',
    )
    .argument('<file>', 'an Envoy configuration (YAML or JSON), or a module: .wasm file or URL')
    .option('--log-level <level>', 'least important level of log lines to print', 'info')
    .option('--json', 'print log lines and listeners as JSON, one object a line')
    .option('--watch', 'reload a filter when its file has changed')
    .option('--admin-port <port>', 'serve /stats/prometheus, /stats and /ready on this port')
    .optionsGroup('For a module:')
    .option('--upstream <url>', 'where requests go that pass the filter')
    .addOption(
      new Option('--respond <text>', 'what they are answered (default: hello world)').conflicts(
        'upstream',
      ),
    )
    .option('--config <file|text>', 'the filter’s configuration: a file, or the text itself')
    .option('--root-id <id>', 'which root context of the module is meant')
    .option('--vm-config <file|text>', 'the VM’s configuration')
    .option('--sha256 <hex>', 'digest of a module that comes from a URL')
    .option('--allow-unpinned', 'take what comes from a URL without one')
    .option('--port <port>', 'where to listen (default: 18000)')
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: RunOptions) => {
      const { run } = await import('../serve/run.js');
      await run(file, options, terminal);
    });
  // Listed in the help, and checked in the same words as the others.
  const level = program.commands.at(-1)?.options.find(({ long }) => long === '--log-level');
  level?.choices(LEVELS);
}

const EXAMPLES = `
Examples:
  proxy-wasm run envoy.yaml
  proxy-wasm run main.wasm --config '{"realm": "x"}'
  proxy-wasm run main.wasm --upstream http://127.0.0.1:3000 --watch`;
