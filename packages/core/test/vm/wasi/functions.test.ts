import { describe, expect, it } from 'vitest';

import { WASI_SIGNATURES } from '../../../src/abi/wasi-signatures.js';
import { createWasiImports } from '../../../src/vm/wasi/table.js';
import { MEMORY_BYTES, wasiGuest } from '../../support/wasi-guest.js';

const [SUCCESS, BADF, EXIST, FAULT, INVAL, NOENT, NOSYS, NOTSUP, NOTCAPABLE] = [
  0, 8, 20, 21, 28, 44, 52, 58, 76,
];
const OUTSIDE = MEMORY_BYTES - 2;
const range = (start: number, length: number): number[] =>
  Array.from({ length }, (_value, index) => start + index);

describe('WASI', () => {
  it('has exactly the functions that the signatures list', async () => {
    const { process } = await wasiGuest();
    expect(Object.keys(createWasiImports(process)).sort()).toEqual(
      Object.keys(WASI_SIGNATURES).sort(),
    );
  });

  // name, arguments, errno; those that write nothing.
  it.each<[string, (number | bigint)[], number]>([
    ['args_get', [0, 0], SUCCESS],
    ['fd_read', [0, 0, 0, 64], NOSYS],
    ['fd_pread', [0, 0, 0, 0n, 64], NOSYS],
    ['fd_seek', [1, 0n, 0, 64], SUCCESS],
    ['fd_seek', [9, 0n, 0, 64], SUCCESS],
    ['fd_close', [9], SUCCESS],
    ['fd_fdstat_get', [0, 64], BADF],
    ['fd_fdstat_get', [3, 64], BADF],
    ['fd_fdstat_set_flags', [1, 0], NOSYS],
    ['fd_prestat_dir_name', [3, 64, 8], NOSYS],
    ['fd_filestat_get', [1, 64], BADF],
    ['fd_prestat_get', [3, 64], BADF],
    ['fd_advise', [9, 0n, 0n, 0], SUCCESS],
    ['fd_fdstat_set_rights', [1, 0n, 0n], SUCCESS],
    ['fd_fdstat_set_rights', [3, 0n, 0n], BADF],
    ['fd_filestat_set_size', [2, 0n], SUCCESS],
    ['fd_filestat_set_size', [3, 0n], BADF],
    ['fd_filestat_set_times', [1, 0n, 0n, 0], SUCCESS],
    ['fd_filestat_set_times', [0, 0n, 0n, 0], BADF],
    ['fd_allocate', [2, 0n, 0n], SUCCESS],
    ['fd_allocate', [5, 0n, 0n], BADF],
    ['fd_datasync', [1], SUCCESS],
    ['fd_datasync', [5], BADF],
    ['fd_sync', [2], SUCCESS],
    ['fd_sync', [5], BADF],
    ['fd_tell', [5, 64], BADF],
    ['fd_renumber', [1, 2], NOTSUP],
    ['fd_renumber', [1, 3], BADF],
    ['fd_renumber', [0, 1], BADF],
    ['fd_write', [0, 64, 1, 64], BADF],
    ['fd_write', [3, 64, 1, 64], BADF],
    ['path_open', [3, 0, 0, 0, 0, 0n, 0n, 0, 64], NOENT],
    ['path_filestat_get', [3, 0, 0, 0, 64], NOTSUP],
    ['path_rename', [3, 0, 0, 3, 0, 0], NOTSUP],
    ['path_filestat_set_times', [3, 0, 0, 0, 0n, 0n, 0], NOTSUP],
    ['path_create_directory', [3, 0, 0], NOTSUP],
    ['path_remove_directory', [3, 0, 0], NOTSUP],
    ['path_unlink_file', [3, 0, 0], NOTSUP],
    ['path_link', [3, 0, 0, 0, 3, 0, 0], NOTSUP],
    ['path_symlink', [0, 0, 3, 0, 0], NOTSUP],
    ['sock_shutdown', [3, 0], NOTSUP],
    ['clock_time_get', [2, 0n, 64], NOTSUP],
    ['clock_res_get', [3, 64], NOTSUP],
    ['sched_yield', [], SUCCESS],
    ['random_get', [64, 0], SUCCESS],
    ['random_get', [0, 65_537], INVAL],
    ['random_get', [0, -1], INVAL],
    ['environ_get', [64, 128], SUCCESS],
  ])('%s(%s) answers %i and writes nothing', async (name, args, errno) => {
    const guest = await wasiGuest();
    expect(guest.call(name, ...args)).toBe(errno);
    expect(guest.written()).toEqual([]);
  });

  it('takes path_link and path_symlink in the form of cpp-host too', async () => {
    const guest = await wasiGuest(
      {},
      {
        path_link: WASI_SIGNATURES['path_link']?.[1] ?? '',
        path_symlink: WASI_SIGNATURES['path_symlink']?.[1] ?? '',
      },
    );
    expect(guest.call('path_link', 3, 0, 0, 3, 0, 0)).toBe(NOTSUP);
    expect(guest.call('path_symlink', 0, 0, 3, 0)).toBe(NOTSUP);
  });

  // name, arguments, errno, where it writes zeros.
  it.each<[string, (number | bigint)[], number, number[]]>([
    ['args_sizes_get', [64, 68], SUCCESS, range(64, 8)],
    ['environ_sizes_get', [64, 68], SUCCESS, range(64, 8)],
    ['poll_oneoff', [0, 0, 1, 64], SUCCESS, range(64, 4)],
    ['fd_tell', [1, 64], SUCCESS, range(64, 8)],
    ['fd_readdir', [3, 0, 0, 0n, 64], EXIST, range(64, 4)],
    ['path_readlink', [3, 0, 0, 0, 0, 64], NOTSUP, range(64, 4)],
    ['sock_accept', [3, 0, 64], NOTSUP, range(64, 4)],
    ['sock_send', [3, 0, 0, 0, 64], NOTSUP, range(64, 4)],
    ['sock_recv', [3, 0, 0, 0, 64, 70], NOTSUP, [...range(64, 4), ...range(70, 2)]],
  ])('%s(%s) answers %i and zeros', async (name, args, errno, zeros) => {
    const guest = await wasiGuest();
    expect(guest.call(name, ...args)).toBe(errno);
    expect(guest.written()).toEqual(zeros);
    expect(zeros.every((at) => guest.bytes[at] === 0)).toBe(true);
  });

  it.each<[string, (number | bigint)[]]>([
    ['args_sizes_get', [OUTSIDE, 0]],
    ['args_sizes_get', [0, OUTSIDE]],
    ['environ_sizes_get', [-4, 0]],
    ['poll_oneoff', [0, 0, 1, OUTSIDE]],
    ['fd_tell', [1, OUTSIDE]],
    ['fd_readdir', [3, 0, 0, 0n, -1]],
    ['fd_fdstat_get', [1, OUTSIDE - 20]],
    ['path_readlink', [3, 0, 0, 0, 0, OUTSIDE]],
    ['sock_accept', [3, 0, OUTSIDE]],
    ['sock_send', [3, 0, 0, 0, OUTSIDE]],
    ['sock_recv', [3, 0, 0, 0, 0, MEMORY_BYTES - 1]],
    ['clock_time_get', [0, 0n, OUTSIDE]],
    ['clock_res_get', [1, OUTSIDE]],
    ['random_get', [OUTSIDE, 3]],
    ['fd_write', [1, 64, 0, OUTSIDE]],
    ['fd_write', [1, OUTSIDE, 1, 64]],
    ['fd_pwrite', [1, -8, 1, 0n, 64]],
  ])('%s(%s) answers FAULT: outside the memory', async (name, args) => {
    expect((await wasiGuest()).call(name, ...args)).toBe(FAULT);
  });

  it('describes stdout and stderr as what can be written to', async () => {
    const guest = await wasiGuest();
    for (const fd of [1, 2]) {
      expect(guest.call('fd_fdstat_get', fd, 64)).toBe(SUCCESS);
      expect(guest.written()).toEqual(range(64, 24));
      expect(guest.bytes.subarray(64, 88).toString('hex')).toBe(
        '0000000000000000' + '4000000000000000' + '0000000000000000',
      );
    }
  });

  it('tells the time of two clocks, in nanoseconds', async () => {
    const guest = await wasiGuest();
    guest.vm.nowNs = () => 1_234_567_890_123_456_789n;
    expect(guest.call('clock_time_get', 0, 0n, 64)).toBe(SUCCESS);
    expect(guest.bytes.readBigUInt64LE(64)).toBe(1_234_567_890_123_456_789n);
    guest.call('clock_time_get', 1, 0n, 64);
    const first = guest.bytes.readBigUInt64LE(64);
    guest.call('clock_time_get', 1, 0n, 64);
    expect(first).toBeGreaterThan(0n);
    expect(guest.bytes.readBigUInt64LE(64)).toBeGreaterThan(first);
    guest.call('clock_res_get', 1, 64);
    expect(guest.bytes.readBigUInt64LE(64)).toBe(1n);
  });

  it('gives random bytes, just as many as were asked for', async () => {
    const guest = await wasiGuest();
    expect(guest.call('random_get', 1000, 256)).toBe(SUCCESS);
    const written = guest.written();
    expect(written.length).toBeGreaterThan(200);
    expect(written.every((at) => at >= 1000 && at < 1256)).toBe(true);
    expect(guest.call('random_get', 0, 65_536)).toBe(SUCCESS);
  });

  it('answers NOTCAPABLE for what the capabilities leave out, and says so once', async () => {
    const guest = await wasiGuest({ allowed: (name) => name !== 'random_get' });
    expect(guest.call('random_get', 64, 8)).toBe(NOTCAPABLE);
    expect(guest.call('random_get', 64, 8)).toBe(NOTCAPABLE);
    expect(guest.written()).toEqual([]);
    expect(guest.lines).toEqual([
      "3 random_get is not among the plugin's capabilities; it gets NOTCAPABLE",
    ]);
    expect(guest.call('sched_yield')).toBe(SUCCESS);
  });
});

describe('the environment', () => {
  const environment = { KEY: 'value', EMPTY: '', ÄÖ: 'ü' };
  const block = 'KEY=value\0EMPTY=\0ÄÖ=ü\0';

  it('is laid out as addresses and KEY=VALUE entries', async () => {
    const guest = await wasiGuest({ environment });
    expect(guest.call('environ_sizes_get', 64, 68)).toBe(SUCCESS);
    expect([guest.bytes.readUInt32LE(64), guest.bytes.readUInt32LE(68)]).toEqual([
      3,
      Buffer.byteLength(block),
    ]);
    guest.bytes.fill('?');
    expect(guest.call('environ_get', 64, 1000)).toBe(SUCCESS);
    expect(guest.bytes.subarray(1000, 1000 + Buffer.byteLength(block)).toString()).toBe(block);
    expect([64, 68, 72].map((at) => guest.bytes.readUInt32LE(at))).toEqual([1000, 1010, 1017]);
    expect(guest.written().length).toBe(12 + Buffer.byteLength(block));
  });

  it('is the options’ and not the process’s', async () => {
    const guest = await wasiGuest();
    guest.call('environ_sizes_get', 64, 68);
    expect(guest.bytes.readUInt32LE(64)).toBe(0);
    expect(Object.keys(process.env).length).toBeGreaterThan(0);
  });

  it('that does not fit the memory is a fault', async () => {
    const guest = await wasiGuest({ environment });
    expect(guest.call('environ_get', 64, OUTSIDE)).toBe(FAULT);
    expect(guest.call('environ_get', OUTSIDE, 64)).toBe(FAULT);
  });
});
