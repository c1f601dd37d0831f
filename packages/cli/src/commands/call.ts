import { InvalidArgumentError, Option, type Command } from 'commander';

import type { CallOptions } from '../call/plan.js';
import type { CommandSetting } from '../program.js';

/** `proxy-wasm call main.wasm /path`: one request through a filter, with no server. */
export function callCommand(program: Command, { terminal, exit }: CommandSetting): void {
  const command = program
    .command('call')
    .summary('send one request through a filter')
    .description(
      'Sends one request through a filter with no server, and prints what the upstream and the client ' +
        'would see, and what the filter logs. Headers are shown as they are, authorization too.',
    )
    .argument('<module>', 'a .wasm file, or a URL of one: https:, http:, oci:')
    .argument('[path]', 'path and query of the request, or a URL', '/');
  addRequest(command);
  addFilter(command);
  addUpstreams(command);
  addOutput(command);
  command
    .addHelpText('after', EXAMPLES)
    .action(async (module: string, path: string, options: CallOptions) => {
      const { call } = await import('../call/call.js');
      exit(await call({ module, path, options }, terminal));
    });
}

function addRequest(command: Command): void {
  command
    .optionsGroup('Request:')
    .option('-X, --request <method>', 'default: GET, or POST with -d', once)
    .option('-H, --header <name: value>', 'a header; may be given again', all)
    .option('-d, --data <data>', 'the body: text, @file, or @- for the standard input', once);
}

function addFilter(command: Command): void {
  command
    .optionsGroup('Filter:')
    .option('--config <file|text>', 'the filter’s configuration: a file, or the text itself', once)
    .option('--vm-config <file|text>', 'the VM’s configuration', once)
    .option('--root-id <id>', 'which root context of the module is meant', once)
    .option('--sha256 <hex>', 'digest that the module must have; for a URL', once)
    .option('--allow-unpinned', 'take what comes from a URL, without a digest')
    .option('--log-level <level>', 'least important lines to show', 'info');
  const level = command.options.at(-1);
  level?.choices(LEVELS);
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

function addUpstreams(command: Command): void {
  const imitation = ['responseStatus', 'responseHeader', 'responseBody'];
  command
    .optionsGroup('Upstream:')
    .option('--response-status <code>', 'what the imitation upstream answers; default: 200', once)
    .option('--response-header <name: value>', 'a header of it; may be given again', all)
    .option('--response-body <data>', 'default: the request’s body; text, @file or @-', once)
    .addOption(
      new Option('--upstream <url>', 'a server that answers in its place')
        .argParser(once)
        .conflicts(imitation),
    )
    .option('--upstream-for <name=url>', 'a server that the filter calls; may be given again', all)
    .option('--timeout <ms>', 'longest pause, and wait for a server; default: 10000', once);
}

function addOutput(command: Command): void {
  command
    .optionsGroup('Output:')
    .option('--trace', 'show every callback and hostcall')
    .addOption(
      new Option('--trace-format <format>', 'chrome: for a browser’s performance viewer')
        .choices(['text', 'chrome'])
        .default('text'),
    )
    .option('-o, --output <file>', 'where the trace goes; default: with the rest', once)
    .option('--json', 'print everything as JSON');
}

/** Of an option that may be given once: the second is a slip of the author's. */
function once(value: string, previous: string | undefined): string {
  if (previous !== undefined) throw new InvalidArgumentError('It was given before.');
  return value;
}

function all(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

const EXAMPLES = `
Examples:
  proxy-wasm call main.wasm /admin -H 'authorization: Basic YTpi'
  proxy-wasm call main.wasm -X POST /orders -d @order.json --config filter.json
  proxy-wasm call main.wasm / --response-status 404 --trace
  proxy-wasm call main.wasm / --upstream-for authz=http://127.0.0.1:9000
  proxy-wasm call main.wasm / --trace-format chrome -o trace.json

Exit codes: 0 the exchange ended as the filter wanted; 1 the filter or an upstream failed, or a pause
had no end; 2 wrong usage.`;
