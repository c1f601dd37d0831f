import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Manifest {
  name: string;
  private?: boolean;
  license?: string;
  engines?: { node?: string };
  exports?: Record<string, string | Record<string, string>>;
  publishConfig?: { exports?: Manifest['exports'] };
}

const manifest = (path: string): Manifest => JSON.parse(read(path)) as Manifest;
const packages = readdirSync(new URL('../../packages', import.meta.url));
const published = packages
  .map((name) => manifest(`packages/${name}/package.json`))
  .filter((each) => !each.private);

describe('the house', () => {
  it('has a lock file that names no download address', () => {
    expect(read('pnpm-lock.yaml')).not.toMatch(/https?:\/\/|\btarball:/);
  });

  it.each(published)('$name states its licence and the Node it needs', ({ license, engines }) => {
    expect(license).toBe('Apache-2.0');
    expect(engines?.node).toBe(manifest('package.json').engines?.node);
  });

  it.each(published)('$name publishes what it exports here, less the sources', (each) => {
    const expected = Object.entries(each.exports ?? {}).map(([path, target]) => {
      if (typeof target === 'string') return [path, target];
      const conditions = Object.entries(target).filter(([name]) => !name.endsWith('/source'));
      return [path, Object.fromEntries(conditions)];
    });
    expect(each.publishConfig?.exports).toEqual(Object.fromEntries(expected));
  });

  it.each(published)('$name is built by `pnpm build`', ({ name }) => {
    const folder = name.replace('@proxy-wasm-node/', '');
    expect(read('tsconfig.build.json')).toContain(`packages/${folder}/tsconfig.build.json`);
  });
});
