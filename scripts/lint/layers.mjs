/**
 * Who may import whom. Imports go one way, from what the spec says to what a framework needs:
 *
 *   abi <- vm <- contexts <- stream <- node <- adapters
 *
 * and packages are imported as core <- envoy <- cli,
 *
 * so that the state machine of a stream can be driven by a test or a benchmark with no Node object in
 * sight, and an adapter holds no rule of its own. plugin.ts and host.ts wire the rest together.
 */

/** @typedef {{ folders: string[], root?: string[], why: string }} Layer */

// What every folder may take from the root of packages/core/src: these three import no folder but abi.
const COMMON = ['errors', 'options', 'logger'];

/** @type {Record<string, Layer>} */
export const layers = {
  abi: {
    folders: [],
    why: 'abi is what the spec says: data and codecs without state, so it stands on nothing',
  },
  code: {
    folders: [],
    why: 'code is where the bytes of modules come from: it knows nothing of what they are',
  },
  vm: {
    folders: ['abi', 'code'],
    root: ['waiting-time'],
    why: 'a VM is one instance of a module and knows no context or stream; pass such things in',
  },
  contexts: {
    folders: ['abi', 'vm'],
    why: 'contexts reach the stream and the services through ports (interfaces) that contexts declare',
  },
  stream: {
    folders: ['abi', 'vm', 'contexts'],
    why: 'the state machine of a stream knows no Node object, hostcall or service',
  },
  hostcalls: {
    folders: ['abi', 'vm', 'contexts', 'services'],
    why: 'a hostcall decodes, asks a context or a service port, and encodes; the stream is behind a port',
  },
  services: {
    folders: ['abi'],
    root: ['waiting-time'],
    why: 'services outlive streams and plugins and are replaceable, so they know neither',
  },
  node: {
    folders: ['abi', 'vm', 'contexts', 'stream'],
    root: ['plugin', 'host'],
    why: 'node turns Node objects into stream events; hostcalls and services come through plugin.ts and host.ts',
  },
  tcp: {
    folders: ['abi', 'vm', 'contexts', 'stream', 'node'],
    root: ['plugin', 'host', 'option-checks', 'upstream-checks'],
    why: 'tcp turns sockets into stream events; hostcalls and services come through plugin.ts and host.ts',
  },
  inspect: {
    folders: ['abi', 'code', 'vm', 'hostcalls'],
    root: ['resolve-options'],
    why: 'inspect reports on modules and runs none, so that a tool which needs no host starts fast',
  },
  testing: {
    folders: ['abi', 'vm', 'contexts', 'stream'],
    root: ['plugin'],
    why: 'testing drives a stream with nothing at its ends, so that a filter needs no server',
  },
  'self-test': {
    folders: ['abi', 'vm', 'contexts', 'stream', 'testing'],
    why: 'a self-test drives a stream with nothing at its ends; plugin-starter.ts gives it the context',
  },
  thread: {
    folders: ['abi', 'code', 'services', 'vm', 'contexts'],
    root: [
      ...['plugin', 'plugin-errors', 'plugin-events', 'plugin-log', 'recovery', 'start-deadline'],
      ...['remote-loads', 'resolve-options', 'option-checks', 'vm-registry', 'waiting-time'],
    ],
    why: 'thread puts a plugin on a worker thread, and sees of it what host.ts sees',
  },
};

const ADAPTER_MESSAGE =
  'Layers: an adapter translates and never decides, so it sees only @proxy-wasm-node/core and ' +
  '@proxy-wasm-node/core/node. A rule that two adapters need belongs in core/node. ' +
  'See scripts/lint/layers.mjs.';

/** @type {Record<string, { packages: string, why: string }>} the packages that are no adapters */
const TOOLS = {
  envoy: {
    packages: 'core|core/node|core/tcp',
    why: 'envoy turns a configuration into options of core; it serves nothing',
  },
  cli: {
    packages: 'core|core/inspect|core/node|core/tcp|core/testing|envoy|envoy/serving',
    why: 'a command puts together what the packages have; an adapter is for apps of its framework',
  },
};

/** Folders of packages/envoy/src, and which others of it they must not see. */
const ENVOY_FOLDERS = [
  ['text', 'schema|messages', "text is YAML with positions, and knows no field of Envoy's"],
  ['schema', 'messages', 'schema is what messages are declared with'],
];

/**
 * One ESLint configuration per folder of packages/core/src, one for the adapters, and one for each tool.
 *
 * @returns {import('eslint').Linter.Config[]}
 */
export function layerConfigs() {
  const adapters = restrict('adapters', ['packages/*/src/**/*.ts'], ADAPTER_MESSAGE, [
    '^@proxy-wasm-node/(?!core$|core/node$)',
    '^(\\.\\./)+([^/]+/src|packages|core|node)/',
  ]);
  return [
    // The behaviour table stands behind the adapters, and runs on all of them.
    {
      ...adapters,
      ignores: ['core', 'conformance', ...Object.keys(TOOLS)].map((name) => `packages/${name}/**`),
    },
    ...Object.entries(TOOLS).map(([name, { packages, why }]) =>
      restrict(
        `package ${name}`,
        [`packages/${name}/src/**/*.ts`],
        `Layers: ${name} sees only ${packages.replaceAll('|', ', ')} of this project: ${why}. See scripts/lint/layers.mjs.`,
        [`^@proxy-wasm-node/(?!(${packages})$)`, '^(\\.\\./)+([^/]+/src|packages)/'],
      ),
    ),
    ...ENVOY_FOLDERS.map(([folder, others, why]) =>
      restrict(
        `envoy ${folder}`,
        [`packages/envoy/src/${folder}/*.ts`],
        `Layers: in envoy, text <- schema <- messages: ${why}. See scripts/lint/layers.mjs.`,
        ['^@proxy-wasm-node/(?!core$)', `^\\.\\./(${others})/`],
      ),
    ),
    ...Object.entries(layers).flatMap(([folder, layer]) => folderConfigs(folder, layer)),
  ];
}

// How deep a layer's folder may be nested. The rule sees only the text of an import, in which the way
// to src is as many `../` as the file is deep.
const DEPTHS = [1, 2, 3];

/**
 * @param {string} folder
 * @param {Layer} layer
 * @returns {import('eslint').Linter.Config[]}
 */
function folderConfigs(folder, { folders, root = [], why }) {
  const allowed = [folder, ...folders];
  const rootFiles = [...COMMON, ...root];
  const message =
    `Layers: ${folder}/ may import only ${allowed.map((name) => `${name}/`).join(', ')} and ` +
    `${rootFiles.map((name) => `${name}.ts`).join(', ')}: ${why}. See scripts/lint/layers.mjs.`;
  return DEPTHS.map((depth) => {
    const files = [`packages/core/src/${folder}/${'*/'.repeat(depth - 1)}*.ts`];
    const src = `^(\\.\\./){${depth}}`;
    return restrict(`layer ${folder}, depth ${depth}`, files, message, [
      `${src}(?!(${allowed.join('|')})/)[^./][^/]*/`,
      `${src}(?!(${rootFiles.join('|')})\\.js$)[^/]+\\.js$`,
      '^@proxy-wasm-node/',
    ]);
  });
}

/**
 * @param {string} name
 * @param {string[]} files
 * @param {string} message
 * @param {string[]} forbidden regular expressions over the import's specifier
 * @returns {import('eslint').Linter.Config}
 */
function restrict(name, files, message, forbidden) {
  const patterns = forbidden.map((regex) => ({ regex, message }));
  return { name, files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}
