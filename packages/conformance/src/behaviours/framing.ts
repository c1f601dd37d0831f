import express from 'express';

import type { Behaviour } from '../behaviour.js';
import { onRequestBody, onResponse, onResponseBody } from './filters.js';
import { ALL, REQUEST_BODY, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';

/** Lengths and parts, from the app to the client and to its body parser. */
export const framing: readonly Behaviour[] = [
  {
    name: 'a length that says more than the app writes is not kept',
    filters: [onResponseBody({ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] })],
    request: [{}, {}],
    app: (_req, res) => {
      res.setHeader('content-length', '2');
      res.end('ok');
    },
    expect: { reply: [{ body: 'ok!', headers: { 'content-length': '3' } }, { body: 'ok!' }] },
  },
  {
    name: 'an answer to HEAD says the length that the app says',
    filters: [onResponse({ add: [RESPONSE_HEADERS, 'x-a', '1'] })],
    request: [{ method: 'HEAD' }, { method: 'HEAD' }],
    app: (_req, res) => {
      res.setHeader('content-length', '1234');
      res.end();
    },
    expect: {
      reply: [{ body: '', headers: { 'content-length': '1234', 'x-a': '1' } }, { status: 200 }],
    },
  },
  {
    name: 'a part of a document keeps its range and its exact length',
    filters: [onResponseBody({ log: 'body' })],
    request: { headers: { range: 'bytes=2-4' } },
    app: {
      status: 206,
      headers: { 'content-range': 'bytes 2-4/10', 'content-length': '3' },
      body: 'cde',
    },
    expect: {
      reply: {
        status: 206,
        body: 'cde',
        headers: { 'content-range': 'bytes 2-4/10', 'content-length': '3' },
      },
    },
  },
  {
    name: 'a body parser takes a body that a filter made longer',
    filters: [onRequestBody({ atEnd: [{ setBuffer: [REQUEST_BODY, 0, ALL, '{"by":"filter"}'] }] })],
    request: { headers: { 'content-type': 'application/json' }, body: '{}' },
    app: (req, res) => {
      express.json()(req, res, () => {
        res.end(JSON.stringify((req as { body?: unknown }).body));
      });
    },
    expect: { reply: { body: '{"by":"filter"}' } },
  },
];
