/** Every relative link in a document leads somewhere, and its `#fragment` to a heading. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Made by typedoc, which looks after its links itself. */
const apiReference = join(root, 'docs', 'api');
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'build', 'target']);

function markdownFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name) || path === apiReference) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The text without fenced blocks and inline code, whose brackets are no links. */
function prose(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ''));
}

function linksIn(path: string): string[] {
  const targets = [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** The fragments of a document's headings, as GitHub makes them. */
function fragmentsOf(path: string): string[] {
  const headings = prose(path).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const files = markdownFiles(root).map((path) => relative(root, path));

describe('links in documents', () => {
  it('finds the documents', () => {
    expect(files).toContain('README.md');
  });

  it.each(files)('%s: each leads somewhere', (file) => {
    const path = join(root, file);
    const broken = linksIn(path).filter((target) => {
      const [to = '', fragment] = target.split('#');
      const goal = to === '' ? path : resolve(dirname(path), decodeURIComponent(to));
      if (!existsSync(goal)) return true;
      return fragment !== undefined && !fragmentsOf(goal).includes(fragment);
    });
    expect(broken).toEqual([]);
  });
});
