/** The table's result as a page of the docs. */
import type { Behaviour, Target } from './behaviour.js';

type Table = Readonly<Record<string, readonly Behaviour[]>>;

const HEAD = `# One behaviour on every server

Each row is a behaviour of a filter chain, and each column a kind of server that it was run on, over
real sockets. The rows are in \`packages/conformance/src/behaviours\`. This page is written by the run
itself (\`npm run conformance:docs\`), and a test fails when it no longer fits the table.

✓: passed. A number: not run there, for the reason below that has this number.
`;

/** Markdown for a run in which every row that was not to be skipped has passed. */
export function behavioursPage(table: Table, targets: readonly Target[]): string {
  const reasons = [
    ...new Set(
      Object.values(table)
        .flat()
        .flatMap(({ skip = {} }) => Object.values(skip)),
    ),
  ];
  const cell = ({ skip }: Behaviour, { name }: Target): string => {
    const reason = skip?.[name];
    return reason === undefined ? '✓' : String(reasons.indexOf(reason) + 1);
  };
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = line(['---', ...targets.map(() => ':-:')]);
  const topics = Object.entries(table).map(([topic, rows]) => {
    const lines = rows.map((row) =>
      line([escaped(row.name), ...targets.map((target) => cell(row, target))]),
    );
    const heading = line(['', ...targets.map(({ name }) => name)]);
    return `## ${topic.charAt(0).toUpperCase()}${topic.slice(1)}\n\n${[heading, rule, ...lines].join('\n')}\n`;
  });
  return [HEAD, summary(table, targets), reasonList(reasons), ...topics].join('\n');
}

function summary(table: Table, targets: readonly Target[]): string {
  const rows = Object.values(table).flat();
  const lines = targets.map(({ name }) => {
    const skipped = rows.filter(({ skip }) => skip?.[name] !== undefined).length;
    return `| ${name} | ${String(rows.length - skipped)} | ${String(skipped)} |`;
  });
  const heading = ['| Server | Passed | Not run |', '| --- | --: | --: |'];
  return `${[...heading, ...lines].join('\n')}\n`;
}

function reasonList(reasons: readonly string[]): string {
  const items = reasons.map((reason, index) => `${String(index + 1)}. ${escaped(reason)}`);
  return `## Why a row is not run\n\n${items.join('\n')}\n`;
}

/** Of Markdown only what would change a table's shape. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '\\<');
}
