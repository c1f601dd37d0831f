/** A configuration's text as a tree of nodes that know where they stand. */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
} from 'yaml';

import { configError } from '../refusals.js';
import { ConfigNode } from './config-node.js';
import { TextSource } from './text-source.js';

/** More than any configuration, with a module in it in base64. */
const MAX_TEXT_CHARS = 64 * 1024 * 1024;

const TOO_DEEP = 'it is nested too deeply';

/** For keys whose values Envoy does not look at: they are only there to hold anchors. */
const IGNORE_TAG = { tag: '!ignore', resolve: (text: string): string => text };

/**
 * Reads YAML 1.2, or JSON.
 *
 * @param file a name for messages
 * @throws ProxyWasmError PW_ERR_ENVOY_SYNTAX
 */
export function parseConfig(text: string, file: string | undefined): ConfigNode {
  const lines = new LineCounter();
  const source = new TextSource(file, lines, isJson(text));
  if (text.length > MAX_TEXT_CHARS) {
    const cap = String(MAX_TEXT_CHARS / 1024 / 1024);
    throw syntaxError(source, 0, `the text is longer than ${cap} Mi characters`);
  }
  const document = parse(text, lines, source);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw syntaxError(source, problem.pos[0], oneLine(problem.message));
  findAnchors(document, source);
  refuseUnreadable(document, source);
  return new ConfigNode(document.contents, source, { path: '', depth: 0, offset: 0 });
}

function parse(text: string, lineCounter: LineCounter, source: TextSource): Document.Parsed {
  try {
    return parseDocument(text, {
      version: '1.2',
      strict: true,
      uniqueKeys: true,
      prettyErrors: false,
      // Quieter, and a second document would be no error. Nothing is printed here in any case.
      logLevel: 'error',
      customTags: (tags) => [...tags, IGNORE_TAG],
      lineCounter,
    });
  } catch (error) {
    // The parser calls itself for each level.
    if (error instanceof RangeError) throw syntaxError(source, 0, TOO_DEEP);
    throw error;
  }
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Each alias leads to the last node in front of it that has its anchor. */
function findAnchors(document: Document.Parsed, source: TextSource): void {
  const anchors = new Map<string, Node>();
  visit(document, {
    Node(_key, node, path) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const target = anchors.get(node.source);
      const offset = node.range?.[0] ?? 0;
      if (target === undefined) {
        throw syntaxError(source, offset, `there is no anchor &${node.source} before this`);
      }
      if (path.includes(target)) {
        throw syntaxError(source, offset, `*${node.source} stands inside of &${node.source}`);
      }
      source.aliases.set(node, target);
    },
  });
}

/** What has no place in a configuration of Envoy's. */
function refuseUnreadable(document: Document.Parsed, source: TextSource): void {
  if (document.contents === null) throw syntaxError(source, 0, 'the text is empty');
  visit(document, {
    Pair(_key, { key }) {
      if (!isNode(key) || isMap(key) || isPair(key)) return;
      if (isAlias(key))
        throw syntaxError(source, key.range?.[0] ?? 0, 'a key must not be an alias');
    },
  });
}

function syntaxError(source: TextSource, offset: number, message: string) {
  return configError('PW_ERR_ENVOY_SYNTAX', source.position(offset, ''), message);
}

function oneLine(message: string): string {
  if (message.includes('call stack')) return TOO_DEEP;
  if (message.includes('multiple documents')) return 'there is more than one document';
  return message.replace(/\s+/g, ' ').trim();
}
