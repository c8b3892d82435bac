import { type QueryWord, queryWordsOf } from "./analyzer.ts";

const lettersMin = 4;
const swapLettersMin = 5;

/** What a correction asks of the catalog. */
export interface KnownWords {
  /** Whether any product has it, or, where it may be a beginning, a word that begins so. */
  has(word: QueryWord): boolean;
  texts: Iterable<string>;
  /** Products that have the term. */
  countOf(text: string): number;
}

/** The query with each unknown word replaced by the most frequent one that is off by one. */
export function correctionOf(query: string, known: KnownWords): string | undefined {
  let changed = false;
  const corrected = queryWordsOf(query).map((word) => {
    const better = isCorrectable(word) && !known.has(word) ? nearest(joined(word), known) : undefined;
    changed ||= better !== undefined;
    return better ?? word.text;
  });
  return changed ? corrected.join(" ") : undefined;
}

function isCorrectable(word: QueryWord): boolean {
  return word.ways.at(-1)?.length === 1 && (joined(word).match(/\p{L}/gu)?.length ?? 0) >= lettersMin;
}

/** A code is corrected as it is written together. */
function joined({ ways }: QueryWord): string {
  return ways.at(-1)?.[0]?.text ?? "";
}

/** Of those as frequent, the first in the order of code units. */
function nearest(word: string, known: KnownWords): string | undefined {
  let best: string | undefined;
  let most = 0;
  for (const text of known.texts) {
    if (!isOffByOne(word, text)) continue;
    const times = known.countOf(text);
    if (times < most || times === 0) continue;
    if (times === most && best !== undefined && best < text) continue;
    best = text;
    most = times;
  }
  return best;
}

/** One letter more, less or another; in longer words also two that changed places. */
export function isOffByOne(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const more = long.length - short.length;
  if (more > 1 || a === b) return false;
  let start = 0;
  while (start < short.length && short.charCodeAt(start) === long.charCodeAt(start)) start++;
  let end = 0;
  while (end < short.length - start && isSameFromEnd(short, long, end)) end++;
  const differing = long.length - start - end;
  if (differing <= 1) return true;
  const isSwap = a[start] === b[start + 1] && a[start + 1] === b[start];
  return more === 0 && a.length >= swapLettersMin && differing === 2 && isSwap;
}

function isSameFromEnd(a: string, b: string, end: number): boolean {
  return a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end);
}
