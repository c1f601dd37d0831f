import type { Command } from 'commander';

import type { InspectOptions } from '../inspect/inspect.js';
import type { CommandSetting } from '../program.js';

/** `proxy-wasm inspect main.wasm`: the compatibility report. */
export function inspectCommand(program: Command, { terminal, exit }: CommandSetting): void {
  program
    .command('inspect')
    .summary('what a module needs, and whether it runs here')
    .description('Reports on a module without running it. Exits with 1 if it could not run here.')
    .argument('<module>', 'a .wasm file, or a URL of one: https:, http:, oci:')
    .option('--sha256 <hex>', 'digest that the module must have')
    .option('--json', 'print the report as JSON')
    .action(async (module: string, options: InspectOptions) => {
      const { inspect } = await import('../inspect/inspect.js');
      exit(await inspect(module, options, terminal));
    });
}
