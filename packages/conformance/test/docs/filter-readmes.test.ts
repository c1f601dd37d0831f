/** The configurations in the READMEs of the filters are ones that the filters take. */
import { afterAll, describe, expect, it } from 'vitest';
import { createHost } from '@proxy-wasm-node/core';

import { recordLog } from '../../../core/test/support/record-log.js';
import { blocksOf, documents, root } from './blocks.js';

const configurations = documents().flatMap((document) => {
  const [, name] = /^examples\/filters\/([^/]+)\/README\.md$/.exec(document) ?? [];
  if (name === undefined) return [];
  const samples = blocksOf(document).filter(({ language, attributes }) => {
    return language === 'json' && !attributes.has('not-run');
  });
  return samples.map(({ line, text }) => ({ name, line, text }));
});

describe('configurations in the READMEs of filters', () => {
  const host = createHost({ logger: recordLog().logger });
  afterAll(() => host.close());

  it('are found', () => {
    expect(configurations.map(({ name }) => name)).toContain('rate-limit');
  });

  it.each(configurations)('$name, line $line', async ({ name, text }) => {
    const code = new URL(`examples/filters/${name}/${name}.wasm`, root);
    const plugin = await host.createPlugin({ code, configuration: text });
    expect(plugin.state).toBe('running');
    await plugin.close();
  });
});
