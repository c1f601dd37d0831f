import leven from 'leven';

/** The known name that `name` is most likely a slip of, if one is near enough. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const begun = known.filter((each) => name.length > 3 && plain(each).startsWith(plain(name)));
  if (begun.length === 1) return begun[0];
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const distance = leven(plain(name), plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}
