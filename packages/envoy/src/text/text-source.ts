import type { Alias, LineCounter, Node } from 'yaml';

import type { ConfigPosition } from '../position.js';
import { configError } from '../refusals.js';

/** More than any configuration has: a few aliases of aliases come to billions. */
const MAX_NODES = 200_000;

/** What the nodes of one text have in common. */
export class TextSource {
  readonly aliases = new Map<Alias, Node>();
  readonly file: string | undefined;
  readonly lines: LineCounter;
  /** JSON's values are taken as they are, YAML's as Envoy takes them. */
  readonly isJson: boolean;
  #nodes = 0;

  constructor(file: string | undefined, lines: LineCounter, isJson: boolean) {
    this.file = file;
    this.lines = lines;
    this.isJson = isJson;
  }

  position(offset: number, path: string): ConfigPosition {
    const { line, col } = this.lines.linePos(offset);
    // A text without a line break has no line for the counter.
    return { file: this.file, path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /**
   * Counts a node that is read, also where an alias leads to one again.
   *
   * @throws ProxyWasmError PW_ERR_ENVOY_SYNTAX
   */
  count(at: () => ConfigPosition): void {
    this.#nodes += 1;
    if (this.#nodes <= MAX_NODES) return;
    const message = `the configuration has more than ${String(MAX_NODES)} values, its aliases resolved`;
    throw configError('PW_ERR_ENVOY_SYNTAX', at(), message);
  }
}
