/** Module hooks, for {@link ./register.mjs}. All synchronous, so that they fit both kinds. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';

const require = createRequire(import.meta.url);
const cache = new URL('../../node_modules/.cache/sources/', import.meta.url);

/**
 * @typedef {{ parentURL?: string }} Context
 * @param {string} specifier
 * @param {Context} context
 * @param {(specifier: string, context: Context) => unknown} next
 */
export function resolve(specifier, context, next) {
  return next(sourceOf(specifier, context.parentURL) ?? specifier, context);
}

/**
 * @param {string} url
 * @param {object} context
 * @param {(url: string, context: object) => unknown} next
 */
export function load(url, context, next) {
  if (!isSource(url)) return next(url, context);
  return { format: 'module', source: compile(url), shortCircuit: true };
}

/** @param {string} url */
function isSource(url) {
  return url.startsWith('file:') && url.endsWith('.ts') && !url.includes('/node_modules/');
}

/**
 * @param {string} specifier
 * @param {string | undefined} parent
 */
function sourceOf(specifier, parent) {
  if (!/^(?:file:|\.\.?\/).*\.js$/.test(specifier)) return undefined;
  const url = new URL(specifier, parent);
  const source = new URL(url.href.replace(/\.js$/, '.ts'));
  return !existsSync(url) && existsSync(source) ? source.href : undefined;
}

/** @param {string} url */
function compile(url) {
  const text = readFileSync(new URL(url), 'utf8');
  const digest = createHash('sha256').update(url).update('\0').update(text).digest('hex');
  const file = new URL(`${digest}.mjs`, cache);
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const compiled = transpile(text, fileURLToPath(url));
  mkdirSync(cache, { recursive: true });
  // Others may write the same file.
  const temporary = new URL(`${digest}.${String(process.pid)}.${String(threadId)}`, cache);
  writeFileSync(temporary, compiled);
  renameSync(temporary, file);
  return compiled;
}

/**
 * @param {string} text
 * @param {string} fileName
 */
function transpile(text, fileName) {
  // Loading it takes half a second, which is spent only for files that have changed.
  const ts = /** @type {typeof import('typescript')} */ (require('typescript'));
  const { ESNext } = ts.ModuleKind;
  const { ES2023 } = ts.ScriptTarget;
  const compilerOptions = { module: ESNext, target: ES2023, inlineSourceMap: true };
  return ts.transpileModule(text, { compilerOptions, fileName }).outputText;
}
