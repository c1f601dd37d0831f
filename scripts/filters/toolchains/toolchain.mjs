/**
 * How to tell whether a filter's exact toolchain is here, and what its build needs besides.
 *
 * @typedef {object} Toolchain
 * @property {(files: string[]) => boolean} isFor whether it builds a folder with these files
 * @property {(folder: string) => string | undefined} missing why the folder cannot be built here;
 *   undefined if it can. Fetches what is pinned, so that a registry out of reach is not taken for a
 *   build that fails
 * @property {(folder: string) => NodeJS.ProcessEnv} env what the build command runs with; unsets what
 *   would change the bytes
 */
export {};
