/** The fenced blocks of the documents, and what their info strings say of them. */
import { readdirSync, readFileSync } from 'node:fs';

export const root = new URL('../../../../', import.meta.url);

const DOCUMENTS = [
  /^(?:README|CONTRIBUTING)\.md$/,
  /^docs\/(?!api\/).*\.md$/,
  /^packages\/[^/]+\/README\.md$/,
  /^examples\/(?:[^/]+|filters\/[^/]+)\/README\.md$/,
];
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'build', 'target']);
const FENCE = /^( *)```(.*)\n([\s\S]*?)^ *```$/gm;

/**
 * A fenced block. Its info string is a language and attributes:
 *
 * - `js runnable=<name>`: a program; see snippets.ts
 * - `sh run`: commands, run in the order of the document; see shell-session.ts. With `background`: a
 *   server, which runs until the document ends
 * - `text output`: what the block before prints. `text log`: the lines that filters have logged since
 * - `file=<path from the root>`: what that file has in it, to the byte
 * - `not-run="<reason>"`
 */
export interface Block {
  readonly document: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly text: string;
}

export function documents(): string[] {
  return filesIn('').filter((path) => DOCUMENTS.some((pattern) => pattern.test(path)));
}

function filesIn(folder: string): string[] {
  return readdirSync(new URL(folder, root), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return [];
    const path = `${folder}${entry.name}`;
    return entry.isDirectory() ? filesIn(`${path}/`) : [path];
  });
}

export function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

export function blocksOf(document: string): Block[] {
  const source = read(document);
  return [...source.matchAll(FENCE)].map(
    ({ index, 1: indent = '', 2: info = '', 3: text = '' }) => {
      const [language = '', ...rest] = info.trim().split(' ');
      const line = source.slice(0, index).split('\n').length;
      const attributes = attributesIn(rest.join(' '));
      return { document, line, language, attributes, text: outdented(text, indent) };
    },
  );
}

function attributesIn(text: string): Map<string, string> {
  const found = text.matchAll(/([\w-]+)(?:=(?:"([^"]*)"|(\S+)))?/g);
  return new Map([...found].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}

function outdented(text: string, indent: string): string {
  return indent === '' ? text : text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

export function placeOf({ document, line }: Block): string {
  return `${document}:${String(line)}`;
}
