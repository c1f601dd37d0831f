/** Each block of each document is run, compared with a file, or says why not. */
import { describe, expect, it } from 'vitest';

import { blocksOf, documents, placeOf, read, type Block } from './blocks.js';

/** What can be run, or is a file: everything but text. */
const PROGRAM_LANGUAGES = /^(?:js|ts|sh|yaml|json|toml|go|rust|cpp|html|dockerfile)$/;
/** A block without a language must not be one of those. */
const LOOKS_LIKE_A_PROGRAM = /^(?:\$ |curl |npm |npx |node |import |const |export )/m;
const CLI_GUIDE = 'docs/guides/command-line.md';
const SHORTEST_REASON = 20;
const NOT_RUN = 30;

const blocks = documents().flatMap(blocksOf);
const isFilter = /^(?:examples|packages\/conformance)\/filters\/.*README\.md$/;

type State = 'run' | 'is a file' | 'not run' | 'text' | 'nothing is said of it';

function stateOf(block: Block): State {
  const { language, attributes } = block;
  if (attributes.has('not-run')) return 'not run';
  if (attributes.has('file')) return 'is a file';
  if (attributes.has('run') || attributes.has('runnable')) return 'run';
  // rebuild.mjs runs the build commands, filter-readmes.test.ts the configurations.
  if (isFilter.test(block.document) && /^(?:sh|json)$/.test(language)) return 'run';
  // packages/cli/test/guide.test.ts runs these.
  if (block.document === CLI_GUIDE && /^proxy-wasm (?:inspect|call) /.test(block.text))
    return 'run';
  if (language === 'text') return isOutput(block) ? 'run' : 'nothing is said of it';
  if (language !== '' || LOOKS_LIKE_A_PROGRAM.test(block.text)) return 'nothing is said of it';
  return 'text';
}

function isOutput({ attributes }: Block): boolean {
  return attributes.has('output') || attributes.has('log');
}

describe('blocks of the documents', () => {
  it('are run, or a file, or say why they are neither', () => {
    const silent = blocks.filter((block) => stateOf(block) === 'nothing is said of it');
    expect(silent.map(placeOf)).toEqual([]);
  });

  it('give a reason that is one', () => {
    const bare = blocks.filter(({ attributes }) => {
      const reason = attributes.get('not-run');
      return reason !== undefined && reason.length < SHORTEST_REASON;
    });
    expect(bare.map(placeOf)).toEqual([]);
  });

  it('are of languages that are known', () => {
    const unknown = blocks.filter(({ language }) => {
      return !PROGRAM_LANGUAGES.test(language) && language !== '' && language !== 'text';
    });
    expect(unknown.map((block) => `${placeOf(block)}: ${block.language}`)).toEqual([]);
  });

  it('that are not run are these many: one more is told here', () => {
    expect(blocks.filter((block) => stateOf(block) === 'not run')).toHaveLength(NOT_RUN);
  });
});

describe('blocks that are a file', () => {
  const files = blocks.filter(({ attributes }) => attributes.has('file'));

  it.each(files.map((block) => [placeOf(block), block] as const))('%s', (_place, block) => {
    expect(block.text).toBe(read(block.attributes.get('file') ?? ''));
  });
});

describe('commands that build a filter', () => {
  const builds = blocks.filter(({ attributes }) => attributes.has('build-of'));

  it.each(builds.map((block) => [placeOf(block), block] as const))(
    '%s: are those that rebuild.mjs runs, but for the name of what comes out',
    (_place, { attributes, text }) => {
      const name = attributes.get('build-of') ?? '';
      const readme = blocksOf(`examples/filters/${name}/README.md`);
      const build = readme.find(({ language }) => language === 'sh')?.text ?? '';
      expect(text).toContain(build.replace(`-o ${name}.wasm`, '-o main.wasm'));
    },
  );
});
