import { styleText } from 'node:util';

import { hasColours, type Terminal, type TerminalStream } from './terminal.js';

/** A word for what a piece of text is, not for how it looks. */
export type Meaning = 'title' | 'good' | 'warning' | 'bad' | 'note' | 'name';

const FORMATS = {
  title: 'bold',
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  note: 'dim',
  name: 'cyan',
} as const satisfies Record<Meaning, string>;

/** Colours a text by its meaning, or leaves it as it is. */
export type Style = (meaning: Meaning, text: string) => string;

/** The style for what is written to a stream: plain unless it is a terminal with colours. */
export function styleFor(stream: TerminalStream, env: Terminal['env']): Style {
  if (!hasColours(stream, env)) return (_meaning, text) => text;
  // Newer Nodes would look at process.stdout by themselves.
  return (meaning, text) => styleText(FORMATS[meaning], text, { validateStream: false });
}
