/** Every message that the schema has, by where it is written. */
import { readdirSync } from 'node:fs';

import type { Message } from '../../src/schema/message.js';

const folder = new URL('../../src/messages/', import.meta.url);

export async function allMessages(): Promise<Message[]> {
  const found = new Map<string, Message>();
  for (const file of readdirSync(folder).sort()) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      if (isMessage(value)) found.set(value.name, value);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'unsupported' in value && 'groups' in value;
}
