/** Key and certificate for test servers on this machine; see README.md. */
import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

export const tls = { key: read('key.pem'), cert: read('certificate.pem') };
