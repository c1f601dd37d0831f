import { describe, expect, it } from 'vitest';

import { createPropertySource, type PropertyOption } from '../../src/contexts/app-properties.js';

const find = (option: PropertyOption | undefined, path: string) =>
  createPropertySource(option)(path.split('/'));

describe('createPropertySource', () => {
  it('knows nothing without the option', () => {
    expect(find(undefined, 'node/id')).toBeUndefined();
  });

  it.each([
    ['node/id', 'n1'],
    ['node/metadata/zone', 'a'],
    ['node/metadata/list/1', 'two'],
    ['node/metadata/list', ['one', 'two']],
    ['route_name', 'r'],
    ['metadata/filter_metadata/envoy.lb/canary', true],
  ])('finds %s', (path, value) => {
    const option = {
      'node.id': 'n1',
      'node.metadata': { zone: 'a', list: ['one', 'two'] },
      route_name: 'r',
      'metadata.filter_metadata.envoy.lb': { canary: true },
    };
    expect(find(option, path)).toEqual(value);
  });

  it('looks further where the longest key does not have the rest of the path', () => {
    const option = { 'a.b': { x: 1 }, a: { b: { y: 2 } } };
    expect(find(option, 'a/b/x')).toBe(1);
    expect(find(option, 'a/b/y')).toBe(2);
  });

  it.each([
    ['node/other'],
    ['node'],
    ['constructor'],
    ['node.id'.repeat(2)],
    ['text/length'],
    ['text/0'],
    ['object/constructor'],
    ['object/__proto__'],
    ['list/2'],
    ['list/length/x'],
    ['bytes/0'],
  ])('does not find %s', (path) => {
    const option = {
      'node.id': 'n1',
      text: 'abc',
      object: { a: 1 },
      list: ['one'],
      bytes: Uint8Array.of(1),
    };
    expect(find(option, path)).toBeUndefined();
  });

  it.each([
    ['node/id', 'xds/node/id'],
    ['cluster_name', 'xds/cluster_name'],
    ['route_name', 'xds/route_name'],
    ['route_metadata/a', 'xds/route_metadata/a'],
    ['listener_direction', 'xds/listener_direction'],
    ['listener_metadata/a', 'xds/listener_metadata/a'],
    ['upstream_host_metadata/a', 'xds/upstream_host_metadata/a'],
  ])('finds %s as %s and the other way round', (older, newer) => {
    expect(find({ [older.replaceAll('/', '.')]: 'x' }, newer)).toBe('x');
    expect(find({ [newer.replaceAll('/', '.')]: 'x' }, older)).toBe('x');
    const asked = (path: string) =>
      find((segments) => (segments.join('/') === path ? 'x' : undefined), path);
    expect(asked(older)).toBe('x');
    expect(asked(newer)).toBe('x');
  });

  it('gives the spelling that was asked for the first word', () => {
    const option = { 'node.id': 'older', 'xds.node.id': 'newer' };
    expect(find(option, 'node/id')).toBe('older');
    expect(find(option, 'xds/node/id')).toBe('newer');
  });

  it('reads the option at the time of the call', () => {
    const option: Record<string, string> = {};
    const source = createPropertySource(option);
    option['a.b'] = 'x';
    expect(source(['a', 'b'])).toBe('x');
  });

  it('reports what the app’s function throws; the property is not there', () => {
    const reported: unknown[] = [];
    const error = new Error('no database');
    const source = createPropertySource(
      () => {
        throw error;
      },
      (thrown) => reported.push(thrown),
    );
    expect(source(['a'])).toBeUndefined();
    expect(reported).toEqual([error]);
  });
});
