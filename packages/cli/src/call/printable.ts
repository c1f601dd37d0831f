import { isUtf8 } from 'node:buffer';

/** The text of bytes that are UTF-8 without control characters but line ends and tabs. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  return hasControls(text.replace(/[\r\n\t]/g, '')) ? undefined : text;
}

/** With control characters escaped: what a filter writes must not steer the terminal. */
export function printable(text: string): string {
  return hasControls(text) ? text.replace(CONTROLS, escape) : text;
}

const CONTROLS = /\p{Cc}/gu;

function hasControls(text: string): boolean {
  return text.search(CONTROLS) >= 0;
}

function escape(character: string): string {
  if (character === '\t') return character;
  if (character === '\n') return '\\n';
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
