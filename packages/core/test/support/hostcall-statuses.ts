/** The statuses that each hostcall's comment names: what it may answer beside OK. */
import { readdirSync, readFileSync } from 'node:fs';

import { Status } from '../../src/abi/types.js';

const sources = new URL('../../src/hostcalls/', import.meta.url);

export function documentedStatuses(): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, ReadonlySet<number>>();
  for (const file of readdirSync(sources)) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(new URL(file, sources), 'utf8');
    for (const [comment] of text.matchAll(/\/\*\*[^]*?\*\//g)) {
      const name = /@see \S+#(proxy_\w+)/.exec(comment)?.[1];
      if (name !== undefined) found.set(name, statusesIn(comment));
    }
  }
  return found;
}

function statusesIn(comment: string): Set<number> {
  const statuses = new Set<number>([Status.OK]);
  for (const [, names = ''] of comment.matchAll(/^ \* - ([A-Z_]+(?:, [A-Z_]+)*):/gm)) {
    for (const name of names.split(', '))
      statuses.add((Status as Record<string, number>)[name] ?? -1);
  }
  // "others: as the function says"
  if (/^ \* - others:/m.test(comment))
    for (const status of Object.values(Status)) statuses.add(status);
  return statuses;
}
