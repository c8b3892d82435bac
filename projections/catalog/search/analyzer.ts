export const queryCharactersMax = 200;
export const queryWordsMax = 12;

const undecomposed: Readonly<Record<string, string>> = {
  ł: "l",
  ø: "o",
  đ: "d",
  ð: "d",
  ß: "ss",
  æ: "ae",
  œ: "oe",
  þ: "th",
  ı: "i",
  ς: "σ",
};

const ascii = /^[\0-\x7f]*$/;
const unspacedRuns = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}ー]+/gu;
/** Before all of them. */
const spacedOnly = /^[\0-\u0dff]*$/;
const codes = /[\p{L}\p{N}\p{M}]+(?:[-‐/._'’+&][\p{L}\p{N}\p{M}]+)*/gu;
const codePunctuation = /[-‐/._'’+&]/;

export interface QueryTerm {
  text: string;
  /** It may be the beginning of a longer one. */
  beginning: boolean;
}

/** One word of a query: found where all terms of any of its `ways` are. */
export interface QueryWord {
  /** As it was typed, folded. */
  text: string;
  ways: readonly (readonly QueryTerm[])[];
}

/** Without case, accents and width, so that what a shopper types meets what a merchant wrote. */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  // Only the marks of Latin, Greek and Cyrillic go: those of Kana and Thai make other letters.
  return text
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[łøđðßæœþıς]/g, (letter) => undecomposed[letter] ?? letter)
    .normalize("NFC");
}

const words = /[\p{L}\p{N}\p{M}]+/gu;

/** The words of a text as they are compared: of a name `O'Brien-Núñez`, `o`, `brien` and `nunez`. */
export function wordsOf(text: string): string[] {
  return fold(text).match(words) ?? [];
}

/** A text as it is compared as a whole. */
export function foldedWhole(text: string): string {
  return fold(text).trim().replace(/\s+/g, " ");
}

/** The terms under which a text is found, each once. */
export function termsOf(text: string): Set<string> {
  const terms = new Set<string>();
  for (const [code] of fold(text).matchAll(codes)) {
    const parts = partsOf(code);
    for (const part of parts.length > 1 ? [...parts, parts.join("")] : parts) {
      for (const piece of piecesOf(part)) {
        if (!piece.unspaced) {
          // The plural stays beside its singular, so that every beginning of it is found.
          terms.add(piece.text).add(singular(piece.text));
          continue;
        }
        const characters = [...piece.text];
        for (const pair of pairsOf(characters)) terms.add(pair);
        // No pair begins with the last character.
        const last = characters.at(-1);
        if (last !== undefined) terms.add(last);
      }
    }
  }
  return terms;
}

/** At most `queryWordsMax` words of the first `queryCharactersMax` characters; the last may be a beginning. */
export function queryWordsOf(query: string): QueryWord[] {
  const bounded = [...query].slice(0, queryCharactersMax).join("");
  const found = [...fold(bounded).matchAll(codes)].slice(0, queryWordsMax);
  return found.map(([code], index) => {
    const isLast = index === found.length - 1;
    const parts = partsOf(code);
    const ways = [queryTermsOf(parts, isLast)];
    if (parts.length > 1) ways.push(queryTermsOf([parts.join("")], isLast));
    return { text: code, ways };
  });
}

/**
 * What stands for all words that begin with this letter: they are too many to be gathered for each search. No word
 * is like it; undefined for scripts that have too many letters.
 */
export function initialOf(word: string): string | undefined {
  const letter = word.charAt(0);
  return spacedOnly.test(letter) ? `^${letter}` : undefined;
}

export function singular(word: string): string {
  if (word.length < 4 || !word.endsWith("s") || !/^[a-z]+$/.test(word) || /(?:ss|us|is)$/.test(word))
    return word;
  if (/.{2}ies$/.test(word)) return `${word.slice(0, -3)}y`;
  return /(?:ss|x|ch|sh|zz)es$/.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}

function queryTermsOf(parts: readonly string[], isLast: boolean): QueryTerm[] {
  const pieces = parts.flatMap(piecesOf);
  return pieces.flatMap(({ text, unspaced }, index) => {
    if (!unspaced) return { text, beginning: isLast && index === pieces.length - 1 };
    const characters = [...text];
    // One character is found inside a run as the beginning of a pair.
    if (characters.length === 1) return { text, beginning: true };
    return pairsOf(characters).map((pair) => ({ text: pair, beginning: false }));
  });
}

function partsOf(code: string): string[] {
  return codePunctuation.test(code) ? code.split(codePunctuation) : [code];
}

function piecesOf(word: string): { text: string; unspaced: boolean }[] {
  if (spacedOnly.test(word)) return [{ text: word, unspaced: false }];
  const pieces: { text: string; unspaced: boolean }[] = [];
  let end = 0;
  for (const { 0: text, index } of word.matchAll(unspacedRuns)) {
    if (index > end) pieces.push({ text: word.slice(end, index), unspaced: false });
    pieces.push({ text, unspaced: true });
    end = index + text.length;
  }
  if (end < word.length) pieces.push({ text: word.slice(end), unspaced: false });
  return pieces;
}

function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((character, index) => `${characters[index] ?? ""}${character}`);
}
