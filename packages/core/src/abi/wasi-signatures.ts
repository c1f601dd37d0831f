/**
 * WASI preview 1, as far as modules of proxy-wasm toolchains import it. All answer an errno, but
 * `proc_exit`, which answers nothing.
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
import { shorthand, type Signature } from './signature.js';

/** Both names mean the same functions; old C++ modules import from the second one. */
export const WASI_MODULES: readonly string[] = ['wasi_snapshot_preview1', 'wasi_unstable'];

/** Every signature that is taken for a function, by letters: `i` for i32, `I` for i64. */
function errno(...params: readonly string[]): readonly Signature[] {
  return params.map((letters) => shorthand(letters, 'i'));
}

/** By name: the signatures that link. Where cpp-host and the standard differ, both do. */
export const WASI_SIGNATURES: Readonly<Record<string, readonly Signature[]>> = {
  args_get: errno('ii'),
  args_sizes_get: errno('ii'),
  environ_get: errno('ii'),
  environ_sizes_get: errno('ii'),
  clock_res_get: errno('ii'),
  clock_time_get: errno('iIi'),
  fd_advise: errno('iIIi'),
  fd_allocate: errno('iII'),
  fd_close: errno('i'),
  fd_datasync: errno('i'),
  fd_fdstat_get: errno('ii'),
  fd_fdstat_set_flags: errno('ii'),
  fd_fdstat_set_rights: errno('iII'),
  fd_filestat_get: errno('ii'),
  fd_filestat_set_size: errno('iI'),
  fd_filestat_set_times: errno('iIIi'),
  fd_pread: errno('iiiIi'),
  fd_prestat_dir_name: errno('iii'),
  fd_prestat_get: errno('ii'),
  fd_pwrite: errno('iiiIi'),
  fd_read: errno('iiii'),
  fd_readdir: errno('iiiIi'),
  fd_renumber: errno('ii'),
  fd_seek: errno('iIii'),
  fd_sync: errno('i'),
  fd_tell: errno('ii'),
  fd_write: errno('iiii'),
  path_create_directory: errno('iii'),
  path_filestat_get: errno('iiiii'),
  path_filestat_set_times: errno('iiiiIIi'),
  // The standard's parameters, then cpp-host's, which lack one.
  path_link: errno('iiiiiii', 'iiiiii'),
  path_open: errno('iiiiiIIii'),
  path_readlink: errno('iiiiii'),
  path_remove_directory: errno('iii'),
  path_rename: errno('iiiiii'),
  path_symlink: errno('iiiii', 'iiii'),
  path_unlink_file: errno('iii'),
  poll_oneoff: errno('iiii'),
  proc_exit: [shorthand('i', '')],
  random_get: errno('ii'),
  sched_yield: errno(''),
  sock_accept: errno('iii'),
  sock_recv: errno('iiiiii'),
  sock_send: errno('iiiii'),
  sock_shutdown: errno('ii'),
};
