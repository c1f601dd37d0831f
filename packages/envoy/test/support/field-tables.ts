import type { Message } from '../../src/schema/message.js';

/** The guide's tables: for each message its fields, and those that are refused. */
export function fieldTables(messages: readonly Message[]): string {
  return messages.map(tableOf).join('\n');
}

function tableOf({ name, fields, unsupported }: Message): string {
  const rows = Object.entries(fields).map(([field, { status, isRequired, remark, read }]) => {
    const takes = shorten(read.accepts ?? '');
    const state = isRequired ? `${status}, required` : status;
    return `| \`${field}\` | ${state} | ${cell(takes)} | ${cell(remark)} |\n`;
  });
  const table = `| Field | State | Takes | Remark |\n| --- | --- | --- | --- |\n${rows.join('')}\n`;
  const refused = unsupported.map((field) => `\`${field}\``).join(', ');
  const none = rows.length === 0 ? 'It has no fields here.\n\n' : table;
  return `### ${name}\n\n${none}${refused === '' ? '' : `Refused: ${refused}.\n`}`;
}

/** Without packages: `envoy.config.core.v3.Address` is `Address`. */
function shorten(text: string): string {
  return text.replace(/\b(?:[a-z]\w*\.)+(?=[A-Z])/g, '');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
