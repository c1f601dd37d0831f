import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { connectionAttribute } from '../../src/node/attributes.js';

const of = (socket: object, path: string): unknown =>
  connectionAttribute(socket as Socket, path.split('.'));

describe('attributes of a connection', () => {
  const socket = {
    remoteAddress: '::ffff:10.0.0.1',
    remotePort: 5000,
    localAddress: '::1',
    localPort: 80,
  };

  it('are its two ends, as Envoy writes them', () => {
    expect(of(socket, 'source.address')).toBe('10.0.0.1:5000');
    expect(of(socket, 'source.port')).toBe(5000);
    expect(of(socket, 'destination.address')).toBe('[::1]:80');
    expect(of(socket, 'destination.port')).toBe(80);
  });

  it('are an id of its own, the same each time', () => {
    const id = of(socket, 'connection.id') as number;
    expect(of(socket, 'connection_id')).toBe(id);
    expect(of({}, 'connection.id')).toBe(id + 1);
  });

  it('are nothing of TLS where there is none, and nothing invented', () => {
    expect(of(socket, 'connection.mtls')).toBe(false);
    expect(of(socket, 'connection.tls_version')).toBeUndefined();
    expect(of({}, 'source.address')).toBeUndefined();
    expect(of(socket, 'upstream.address')).toBeUndefined();
  });

  it.skipIf(!hasOpenssl())('are what certificates of both sides say', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-tls-'));
    try {
      expect(await attributesOverTls(folder)).toEqual({
        'connection.mtls': true,
        'connection.tls_version': 'TLSv1.3',
        'connection.requested_server_name': 'server.test',
        'connection.subject_local_certificate': 'CN=server,O=Test',
        'connection.subject_peer_certificate': 'CN=client,O=Test',
        'connection.dns_san_peer_certificate': 'client.test',
        'connection.uri_san_peer_certificate': 'spiffe://test/client',
        'connection.sha256_peer_certificate_digest': expect.stringMatching(/^[0-9a-f]{64}$/),
        'connection.peer_certificate': expect.stringMatching(/^-----BEGIN%20CERTIFICATE-----%0A/),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const OVER_TLS = [
  'connection.mtls',
  'connection.tls_version',
  'connection.requested_server_name',
  'connection.subject_local_certificate',
  'connection.subject_peer_certificate',
  'connection.dns_san_peer_certificate',
  'connection.uri_san_peer_certificate',
  'connection.sha256_peer_certificate_digest',
  'connection.peer_certificate',
];

async function attributesOverTls(folder: string): Promise<Record<string, unknown>> {
  const [own, peer] = [certificate(folder, 'server'), certificate(folder, 'client')];
  const seen: Record<string, unknown> = {};
  const server = createServer(
    { ...own, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      for (const path of OVER_TLS) seen[path] = of(req.socket, path);
      res.end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tls = {
    ...peer,
    servername: 'server.test',
    rejectUnauthorized: false,
    agent: false,
  } as const;
  await new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, ...tls }, (response) => {
      response.resume().on('end', resolve);
    });
    outgoing.on('error', reject).end();
  });
  server.close();
  return seen;
}

function certificate(folder: string, name: string): { key: Buffer; cert: Buffer } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const options = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const names = ['-subj', `/O=Test/CN=${name}`, '-addext'];
  const alternatives = `subjectAltName=DNS:${name}.test,URI:spiffe://test/${name}`;
  const files = ['-nodes', '-days', '1', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...options, ...files, ...names, alternatives], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
