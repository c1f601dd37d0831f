const KIB = 1024;
const MIB = 1024 * 1024;

/** A size for people: `512 B`, `241.4 KiB`, `2.6 MiB`. */
export function formatBytes(sizeBytes: number): string {
  if (sizeBytes < KIB) return `${String(sizeBytes)} B`;
  const [unit, name] = sizeBytes < MIB ? [KIB, 'KiB'] : [MIB, 'MiB'];
  return `${(sizeBytes / unit).toFixed(1).replace(/\.0$/, '')} ${name}`;
}
