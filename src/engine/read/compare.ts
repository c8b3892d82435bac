import type { ViewModel } from "../../stores/view-store/view-store.ts";

const scanDocuments = 2_000;
const scanBytesMax = 8 * 1024 * 1024;
const differencesMax = 20;
/** Of each side of a difference, from a little before the place where they part. */
const shownCharactersMax = 4_000;
const shownBefore = 200;

export interface Difference {
  key: string;
  /** JSON text; of a long document the part that differs. */
  live: string | undefined;
  rebuilt: string | undefined;
}

export interface Comparison {
  documents: number;
  differing: number;
  /** The first few. */
  differences: Difference[];
}

/** Compares two generations at the same position, document by document, byte for byte. */
export async function compareGenerations(live: ViewModel, rebuilt: ViewModel): Promise<Comparison> {
  const comparison: Comparison = { documents: 0, differing: 0, differences: [] };
  const left = documentsOf(live);
  const right = documentsOf(rebuilt);
  let a = await left.next();
  let b = await right.next();
  while (!a.done || !b.done) {
    comparison.documents++;
    const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value.key, b.value.key);
    const difference = {
      key: order <= 0 && !a.done ? a.value.key : b.done ? "" : b.value.key,
      live: order <= 0 && !a.done ? a.value.json : undefined,
      rebuilt: order >= 0 && !b.done ? b.value.json : undefined,
    };
    if (difference.live !== difference.rebuilt) {
      comparison.differing++;
      if (comparison.differences.length < differencesMax) comparison.differences.push(shown(difference));
    }
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
  return comparison;
}

function shown({ key, live, rebuilt }: Difference): Difference {
  let parting = 0;
  if (live !== undefined && rebuilt !== undefined) while (live[parting] === rebuilt[parting]) parting++;
  const from = Math.max(0, parting - shownBefore);
  const part = (text: string | undefined) =>
    text === undefined || text.length <= shownCharactersMax
      ? text
      : `...${text.slice(from, from + shownCharactersMax)}... (${text.length} characters)`;
  return { key, live: part(live), rebuilt: part(rebuilt) };
}

/** As the store orders keys: by their UTF-8 bytes. */
function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function* documentsOf(model: ViewModel) {
  let after: string | undefined;
  for (;;) {
    const page = await model.scan(after, scanDocuments, scanBytesMax);
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last.key;
  }
}
