import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

import { layerConfigs, layers } from '../lint/layers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const linter = new Linter({ cwd: root });

/** What the layer rule says about one import in one file. */
function complaints(filename: string, specifier: string): string[] {
  const parser = { languageOptions: { parser: tseslint.parser as Linter.Parser } };
  const configs: Linter.Config[] = [{ files: ['**/*.ts'], ...parser }, ...layerConfigs()];
  const code = `import type { Anything } from '${specifier}';`;
  return linter.verify(code, configs, { filename }).map(({ message }) => message);
}

const core = (file: string): string => `packages/core/src/${file}`;

describe('the layer rule', () => {
  it.each([
    [core('abi/pairs.ts'), '../vm/memory.js'],
    [core('vm/vm.ts'), '../contexts/http-context.js'],
    [core('contexts/http-context.ts'), '../stream/http-stream.js'],
    [core('contexts/http-context.ts'), '../services/metrics.js'],
    [core('stream/http-stream.ts'), '../node/handle.js'],
    [core('stream/http-stream.ts'), '../plugin.js'],
    [core('stream/deep/inside.ts'), '../../host.js'],
    [core('hostcalls/buffers.ts'), '../stream/http-stream.js'],
    [core('services/metrics.ts'), '../vm/memory.js'],
    [core('node/handle.ts'), '../hostcalls/table.js'],
    [core('node/handle.ts'), '@proxy-wasm-node/core'],
    ['packages/express/src/index.ts', '@proxy-wasm-node/core/tcp'],
    ['packages/express/src/index.ts', '@proxy-wasm-node/koa'],
    ['packages/express/src/index.ts', '../../core/src/plugin.js'],
    ['packages/envoy/src/text/config-node.ts', '../schema/field.js'],
    ['packages/envoy/src/schema/message.ts', '../messages/node.js'],
  ])('%s must not import %s', (file, specifier) => {
    const [message] = complaints(file, specifier);
    expect(message).toContain('Layers: ');
    expect(message).toContain('See scripts/lint/layers.mjs.');
  });

  it.each([
    [core('vm/vm.ts'), '../abi/types.js'],
    [core('vm/vm.ts'), './memory.js'],
    [core('vm/vm.ts'), '../errors.js'],
    [core('vm/deep/inside.ts'), '../memory.js'],
    [core('contexts/http-context.ts'), '../options.js'],
    [core('stream/http-stream.ts'), '../contexts/http-context.js'],
    [core('hostcalls/metrics.ts'), '../services/metrics.js'],
    [core('node/handle.ts'), '../plugin.js'],
    [core('node/handle.ts'), 'node:http'],
    [core('plugin.ts'), './hostcalls/table.js'],
    ['packages/express/src/index.ts', '@proxy-wasm-node/core/node'],
    ['packages/express/src/index.ts', 'express'],
    ['packages/conformance/src/targets/koa.ts', '@proxy-wasm-node/koa'],
  ])('%s may import %s', (file, specifier) => {
    expect(complaints(file, specifier)).toEqual([]);
  });

  it('names the reason', () => {
    const [message] = complaints(core('abi/pairs.ts'), '../vm/memory.js');
    expect(message).toContain('abi is what the spec says');
  });

  it('covers every folder of packages/core/src', () => {
    const entries = readdirSync(`${root}/packages/core/src`, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const missing = folders.filter((folder) => !(folder in layers));
    expect(missing, 'add these folders to scripts/lint/layers.mjs').toEqual([]);
  });
});
