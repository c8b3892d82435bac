import type { QueryWord } from "./analyzer.ts";
import { singular } from "./analyzer.ts";
import type { Terms } from "./postings.ts";

const lettersMin = 4;
const swapLettersMin = 5;

/** The query with each unknown word replaced by the most frequent one that is off by one. */
export function correctionOf(words: readonly QueryWord[], terms: Terms): string | undefined {
  let changed = false;
  const corrected = words.map(({ ways }) => {
    const way = ways.at(-1) ?? [];
    const word = way.join(" ");
    if (way.length !== 1 || terms.sizeOf(singular(word)) > 0 || word.length < lettersMin) return word;
    let best = word;
    for (const term of terms.all()) {
      if (isOffByOne(word, term) && terms.sizeOf(term) > terms.sizeOf(best)) best = term;
    }
    changed ||= best !== word;
    return best;
  });
  return changed ? corrected.join(" ") : undefined;
}

export function isOffByOne(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || a === b) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  if (a.length !== b.length)
    return a.length > b.length ? a.slice(at + 1) === b.slice(at) : a.slice(at) === b.slice(at + 1);
  if (a.slice(at + 1) === b.slice(at + 1)) return true;
  const swapped = a[at] === b[at + 1] && a[at + 1] === b[at];
  return a.length >= swapLettersMin && swapped && a.slice(at + 2) === b.slice(at + 2);
}
