/** Whatever becomes of a configuration's lines, it is read, or refused in one line with its place. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ProxyWasmError } from '@proxy-wasm-node/core';

import { fromEnvoyConfig, readEnvoyConfig } from '../src/index.js';
import { configuration, READ } from './support/configurations.js';

const TEXTS = ['hello', 'headers', 'metrics', 'network', 'istio-filter'].map((name) =>
  configuration(`${name}.yaml`).split('\n'),
);

const VALUES = [
  ...[
    '~',
    '[]',
    '{}',
    '5',
    '-1',
    '""',
    '*a',
    '&a x',
    'yes',
    '0.5',
    '[1]',
    '{a: b}',
    '\0',
    '%',
    '- ',
  ],
  ...[
    '!!binary aGk=',
    '? ',
    ': ',
    '__proto__: {a: 1}',
    '1e999',
    '.inf',
    '.nan',
    '<<: *a',
    '|\n  x',
  ],
  ...['2001-01-01', '0x1F', '!!map', '\t', '---', '...', 'constructor: 1', '"'],
];

type Lines = readonly string[];
type Mutation = (lines: Lines) => Lines;

const at = (lines: Lines, place: number): number => Math.floor(place * lines.length);
const place = fc.double({ min: 0, max: 0.999, noNaN: true });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  place.map(
    (where): Mutation =>
      (lines) =>
        lines.toSpliced(at(lines, where), 1),
  ),
  fc.tuple(place, place).map(([from, to]): Mutation => (lines) => {
    return lines.toSpliced(at(lines, to), 0, lines[at(lines, from)] ?? '');
  }),
  fc.tuple(place, fc.constantFrom(...VALUES)).map(([where, value]): Mutation => (lines) => {
    return lines.with(
      at(lines, where),
      (lines[at(lines, where)] ?? '').replace(/:.*|\S+$/, `: ${value}`),
    );
  }),
  fc.tuple(place, fc.nat(12)).map(([where, indent]): Mutation => (lines) => {
    return lines.with(
      at(lines, where),
      (lines[at(lines, where)] ?? '').replace(/^ */, ' '.repeat(indent)),
    );
  }),
);

it('a changed configuration', () => {
  const changed = fc.tuple(
    fc.constantFrom(...TEXTS),
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
  );
  const property = fc.property(changed, ([lines, mutations]) => {
    const text = mutations.reduce((before, mutate) => mutate(before), lines as Lines).join('\n');
    for (const read of [readEnvoyConfig, fromEnvoyConfig]) {
      try {
        read(text, { ...READ, file: 'e.yaml' });
      } catch (error) {
        expect(error).toBeInstanceOf(ProxyWasmError);
        expect((error as ProxyWasmError).message).toMatch(/^e\.yaml:\d+:\d+: .+$/);
      }
    }
  });
  fc.assert(property, { numRuns: 150 });
});
