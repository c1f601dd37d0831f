/** Every command in the documents runs, and prints what the document says. */
import { spawnSync } from 'node:child_process';

import { afterEach, describe, expect, it } from 'vitest';

import { blocksOf, documents } from './blocks.js';
import { ShellSession } from './shell-session.js';

const withCommands = documents().filter((document) =>
  blocksOf(document).some(({ attributes }) => attributes.has('run')),
);

/** The documents' commands are a shell's, and ask with curl. */
const hasTools = ['sh', 'curl'].every((tool) => {
  return spawnSync(tool, tool === 'sh' ? ['-c', ':'] : ['--version']).status === 0;
});

describe.skipIf(!hasTools)('commands in the documents', () => {
  let session: ShellSession | undefined;
  afterEach(() => session?.close());

  it('finds them', () => {
    expect(withCommands).toContain('README.md');
    expect(withCommands).toContain('docs/guides/tutorial-go.md');
  });

  it.each(withCommands)('%s', { timeout: 60_000 }, async (document) => {
    session = new ShellSession(document);
    await session.run();
  });
});
