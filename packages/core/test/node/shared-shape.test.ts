import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import type { NodeResponse } from '../../src/node/messages.js';
import { shareShape } from '../../src/node/shared-shape.js';

function response(): NodeResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

/** As Express does. */
function swapped(): NodeResponse {
  const prototype = Object.create(ServerResponse.prototype) as object;
  return Object.setPrototypeOf(response(), prototype) as NodeResponse;
}

describe('shareShape', () => {
  it('leaves all properties and listeners as they were', () => {
    const res = swapped();
    const heard: string[] = [];
    res.on('close', () => heard.push('close'));
    const before = Object.getOwnPropertyDescriptors(res);
    shareShape(res);
    expect(Object.getOwnPropertyDescriptors(res)).toEqual(before);
    res.on('finish', () => heard.push('finish'));
    res.emit('close');
    res.emit('finish');
    expect(heard).toEqual(['close', 'finish']);
    expect(res).toBeInstanceOf(ServerResponse);
  });

  it('leaves an object alone that has its own class, or no listeners', () => {
    class Response extends ServerResponse {}
    const own = new Response(new IncomingMessage(new Socket())) as NodeResponse;
    const bare = Object.create(Object.create(null) as object) as NodeResponse;
    for (const res of [response(), own, bare]) {
      const before = Reflect.ownKeys(res);
      shareShape(res);
      expect(Reflect.ownKeys(res)).toEqual(before);
    }
  });
});
