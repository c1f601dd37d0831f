import fastify, { type FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';

import { routeConfigOf } from '../src/route-config.js';

it("is a route's config as Fastify itself tells it, also where there is no route", async () => {
  const app = fastify();
  const seen: [unknown, unknown][] = [];
  app.addHook('onRequest', (request, _reply, next) => {
    seen.push([routeConfigOf(request), request.routeOptions.config]);
    next();
  });
  app.get('/plain', () => 'plain');
  app.get('/off/:id', { config: { wasmFilter: false } }, () => 'off');
  for (const url of ['/plain', '/off/7', '/none']) await app.inject(url);
  expect(seen.map(([config, own]) => config === own)).toEqual([true, true, true]);
  expect(seen[1]?.[0]).toMatchObject({ wasmFilter: false, url: '/off/:id' });
  await app.close();
});

it('asks Fastify where the symbol is another', () => {
  const config = { wasmFilter: false, url: '/a' };
  const request = { [Symbol('other')]: {}, routeOptions: { config } };
  expect(routeConfigOf(request as unknown as FastifyRequest)).toBe(config);
});
