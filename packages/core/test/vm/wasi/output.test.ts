import { describe, expect, it } from 'vitest';

import { LogLevel } from '../../../src/abi/types.js';
import { LineWriter } from '../../../src/vm/wasi/line-writer.js';
import { wasiGuest } from '../../support/wasi-guest.js';

type Guest = Awaited<ReturnType<typeof wasiGuest>>;

/** Puts each text somewhere and calls fd_write over all of them; answers errno and bytes taken. */
function write(guest: Guest, fd: number, ...texts: (string | Uint8Array)[]): [number, number] {
  let at = 4096;
  texts.forEach((text, index) => {
    const content = Buffer.from(text as string);
    guest.bytes.writeUInt32LE(at, 64 + index * 8);
    guest.bytes.writeUInt32LE(content.length, 68 + index * 8);
    content.copy(guest.bytes, at);
    at += content.length;
  });
  const errno = guest.call('fd_write', fd, 64, texts.length, 8);
  return [errno, guest.bytes.readUInt32LE(8)];
}

describe('what a guest writes', () => {
  it('to stdout is logged at info, to stderr at error, line by line', async () => {
    const guest = await wasiGuest();
    expect(write(guest, 1, 'one\ntwo\n')).toEqual([0, 8]);
    expect(write(guest, 2, 'bad\n')).toEqual([0, 4]);
    expect(guest.lines).toEqual(['2 one', '2 two', '4 bad']);
  });

  it('in pieces is joined to lines, over one call or several, each stream by itself', async () => {
    const guest = await wasiGuest();
    expect(write(guest, 1, 'a', 'b', 'c')).toEqual([0, 3]);
    write(guest, 2, 'x');
    write(guest, 1, 'd\ne');
    expect(guest.lines).toEqual(['2 abcd']);
    write(guest, 2, 'y\n');
    guest.process.flush();
    guest.process.flush();
    expect(guest.lines).toEqual(['2 abcd', '4 xy', '2 e']);
  });

  it('may cut a character in two', async () => {
    const guest = await wasiGuest();
    const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)];
    write(guest, 1, first);
    write(guest, 1, second, '\n');
    expect(guest.lines).toEqual(['2 ü']);
  });

  it('may be nothing, or empty lines', async () => {
    const guest = await wasiGuest();
    expect(write(guest, 1)).toEqual([0, 0]);
    expect(write(guest, 1, '')).toEqual([0, 0]);
    expect(guest.lines).toEqual([]);
    write(guest, 1, '\n\n');
    expect(guest.lines).toEqual(['2 ', '2 ']);
  });

  it('with an offset is the same', async () => {
    const guest = await wasiGuest();
    guest.bytes.writeUInt32LE(4096, 64);
    guest.bytes.writeUInt32LE(3, 68);
    guest.bytes.write('hi\n', 4096);
    expect(guest.call('fd_pwrite', 1, 64, 1, 77n, 8)).toBe(0);
    expect(guest.lines).toEqual(['2 hi']);
  });

  it('is dropped where the logger does not take its level', async () => {
    const guest = await wasiGuest();
    guest.log.level = LogLevel.ERROR;
    expect(write(guest, 1, 'no\n')).toEqual([0, 3]);
    write(guest, 2, 'yes\n');
    expect(guest.lines).toEqual(['4 yes']);
  });

  it('is refused as a whole where a piece lies outside the memory, or there are too many', async () => {
    const guest = await wasiGuest();
    guest.bytes.write('hi\n', 4096);
    [4096, 3, 65_530, 100].forEach((value, index) =>
      guest.bytes.writeUInt32LE(value, 64 + index * 4),
    );
    expect(guest.call('fd_write', 1, 64, 2, 8)).toBe(21);
    expect(guest.call('fd_write', 1, 64, -1, 8)).toBe(28);
    expect(guest.lines).toEqual([]);
  });
});

describe('LineWriter', () => {
  it('gives out a line without end in pieces', () => {
    const lines: string[] = [];
    const writer = new LineWriter((line) => lines.push(line));
    for (let count = 0; count < 65; count += 1) writer.write(Buffer.alloc(1024, 'x'));
    expect(lines.map(({ length }) => length)).toEqual([64 * 1024]);
    writer.flush();
    expect(lines.map(({ length }) => length)).toEqual([64 * 1024, 1024]);
  });

  it('keeps a copy of what it is given', () => {
    const lines: string[] = [];
    const writer = new LineWriter((line) => lines.push(line));
    const bytes = Buffer.from('abc');
    writer.write(bytes);
    bytes.fill('z');
    writer.flush();
    expect(lines).toEqual(['abc']);
  });
});
