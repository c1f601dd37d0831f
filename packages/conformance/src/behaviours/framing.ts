import express from 'express';
import rawBody from 'raw-body';

import type { Behaviour } from '../behaviour.js';
import { onRequestBody, onResponse, onResponseBody } from './filters.js';
import { ALL, REQUEST_BODY, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';
import { APPS_RESPONSE, CLOSES_CHUNKED } from './skips.js';

const LONG = 'x'.repeat(200_000);

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
  {
    name: 'raw-body, which checks the length that it is told, takes a body of another length',
    filters: [onRequestBody({ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, ' more'] }] })],
    request: [{ body: 'hello' }, { body: ['in ', 'chunks'] }, { body: LONG }],
    app: async (req, res) => {
      const length = req.headers['content-length'];
      const body = await rawBody(req, { ...(length === undefined ? {} : { length }) });
      res.end(`${length ?? 'chunked'} ${String(body.length)}`);
    },
    expect: {
      reply: [{ body: '10 10' }, { body: 'chunked 14' }, { body: 'chunked 200005' }],
    },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'an app that writes less or more than it said has what it wrote sent, with its length',
    filters: [onResponseBody({ log: 'body' })],
    request: [{ path: '/less' }, { path: '/more' }, {}],
    app: (req, res) => {
      res.setHeader('content-length', 5);
      res.end(req.url === '/less' ? 'hi' : req.url === '/more' ? 'hello there' : 'whole');
    },
    expect: {
      reply: [
        { body: 'hi', headers: { 'content-length': '2' } },
        { body: 'hello there', headers: { 'content-length': '11' } },
        { body: 'whole', headers: { 'content-length': '5' } },
      ],
    },
    skip: APPS_RESPONSE,
  },
];
