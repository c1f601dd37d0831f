import { expect, it } from 'vitest';

import { CallClass, callClassOf, CallIds } from '../../src/vm/call-ids.js';

it('each class counts for itself, and an id tells its class', () => {
  const ids = new CallIds();
  const take = (callClass: CallClass, count: number): number[] =>
    Array.from({ length: count }, () => ids.take(callClass));
  expect(take(CallClass.HTTP_CALL, 3)).toEqual([4, 8, 12]);
  expect(take(CallClass.GRPC_CALL, 2)).toEqual([5, 9]);
  expect(take(CallClass.GRPC_STREAM, 2)).toEqual([6, 10]);
  expect([4, 5, 6, 0xffff_fffe].map(callClassOf)).toEqual([0, 1, 2, 2]);
});

it('an id that was given back is not given again at once', () => {
  const ids = new CallIds();
  const first = ids.take(CallClass.HTTP_CALL);
  ids.release(first);
  expect(ids.take(CallClass.HTTP_CALL)).toBe(8);
});
