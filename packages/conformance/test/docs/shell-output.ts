/** What commands print, beside what a document says that they do. */
import { expect } from 'vitest';

const TIMES: readonly (readonly [RegExp, string])[] = [
  [/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]/gm, '[time]'],
  [/\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\b/g, 'date'],
];

/** Without what differs each time. */
export function normalized(text: string): string {
  const unix = text.replaceAll('\r\n', '\n');
  return TIMES.reduce((so, [pattern, name]) => so.replaceAll(pattern, name), unix);
}

/** The lines that filters have logged. */
export function filterLines(output: string): string[] {
  return output.split('\n').filter((line) => line.includes('][wasm] wasm log '));
}

/** A line that is `…` stands for any number of lines, or none. */
export function expectOutput(printed: string, documented: string, place: string): void {
  const expected = normalized(documented);
  if (!/^…$/m.test(expected)) {
    expect(printed, place).toBe(expected);
    return;
  }
  const pattern = expected
    .trimEnd()
    .split('\n')
    .map((line) => {
      return line === '…' ? '(?:.*\n)*' : `${line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\n`;
    });
  expect(printed, place).toMatch(new RegExp(`^${pattern.join('')}$`));
}
