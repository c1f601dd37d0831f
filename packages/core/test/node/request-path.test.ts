import { describe, expect, it } from 'vitest';

import type { NodeRequest } from '../../src/node/messages.js';
import { fullPath, route } from '../../src/node/request-path.js';

const request = (fields: Partial<NodeRequest>): NodeRequest => fields as NodeRequest;

describe('the path that filters see', () => {
  it.each([
    ['of node:http', { url: '/a?b' }, '/a?b'],
    ['of Express, not mounted', { url: '/a?b', originalUrl: '/a?b', baseUrl: '' }, '/a?b'],
    ['in a mount of Express', { url: '/a?b', originalUrl: '/m/a?b', baseUrl: '/m' }, '/m/a?b'],
    ['at a bare mount', { url: '/?b', originalUrl: '/m?b', baseUrl: '/m' }, '/m?b'],
    ['at a mount with a slash', { url: '/', originalUrl: '/m/', baseUrl: '/m' }, '/m/'],
    ['in a mount of connect, which tells no prefix', { url: '/a', originalUrl: '/m/a' }, '/m/a'],
    ['sent elsewhere by a handler', { url: '/new', originalUrl: '/old', baseUrl: '' }, '/new'],
    ['sent elsewhere in a mount', { url: '/new', originalUrl: '/m/old', baseUrl: '/m' }, '/m/new'],
  ])('%s', (_name, fields, path) => {
    expect(fullPath(request(fields))).toBe(path);
  });
});

describe('a path that a filter sets', () => {
  it.each([
    ['of node:http', { url: '/a' }, '/b?c', '/b?c'],
    ['loses the mount’s prefix', { url: '/a', originalUrl: '/m/a', baseUrl: '/m' }, '/m/b', '/b'],
    ['may be the mount itself', { url: '/a', originalUrl: '/m/a', baseUrl: '/m' }, '/m?q', '/?q'],
    ['outside is inside', { url: '/a', originalUrl: '/m/a', baseUrl: '/m' }, '/mm/b', '/mm/b'],
  ])('%s', (_name, fields, path, url) => {
    const req = request({ ...fields });
    route(req, path);
    expect(req.url).toBe(url);
  });

  it('survives a framework that takes back a slash which it had added', () => {
    for (const takesBack of [true, false]) {
      const req = request({ url: '/', originalUrl: '/m', baseUrl: '/m' });
      route(req, '/m/b');
      expect(req.url).toBe('/b');
      if (takesBack) req.url = req.url?.slice(1) ?? '';
      req.url = `/m${req.url ?? ''}`;
      expect(req.url).toBe('/m/b');
    }
  });
});
