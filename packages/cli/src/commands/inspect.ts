import type { Command } from 'commander';

import type { CommandSetting } from '../program.js';

/** `proxy-wasm inspect main.wasm`: the compatibility report. */
export function inspectCommand(program: Command, { terminal, exit }: CommandSetting): void {
  program
    .command('inspect')
    .summary('what a module needs, and whether it runs here')
    .description('Reports on a module without running it. Exits with 1 if it could not run here.')
    .argument('<module>', 'path of a .wasm file')
    .option('--json', 'print the report as JSON')
    .action(async (module: string, options: { json?: true }) => {
      const { inspect } = await import('../inspect/inspect.js');
      exit(await inspect(module, options, terminal));
    });
}
