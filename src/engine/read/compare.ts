import { logStart, type Position } from "../../stores/event-store/event-store.ts";
import { documentsOf, type StoredDocument, type ViewModel } from "../../stores/view-store/view-store.ts";

const loadKeys = 1_000;
const differencesMax = 20;
/** Of documents that change while they are compared; what is more is left uncompared, and said so. */
const undecidedMax = 100_000;
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
  /** Documents that changed too often to be compared; left out when there are none. */
  uncompared?: number;
}

type Document = Pick<StoredDocument, "position" | "json">;

/**
 * Compares two generations document by document, byte for byte, while the live one goes on: what it has changed
 * behind the position that the rebuilt one stands at is undecided, until both have come further.
 */
export class GenerationComparison {
  private readonly live: ViewModel;
  private readonly rebuilt: ViewModel;
  private readonly undecided = new Set<string>();
  private readonly found: Comparison = { documents: 0, differing: 0, differences: [] };

  constructor(live: ViewModel, rebuilt: ViewModel) {
    this.live = live;
    this.rebuilt = rebuilt;
  }

  get undecidedCount(): number {
    return this.undecided.size;
  }

  /**
   * Looks at every document, once.
   * @param asOf where the rebuilt one stands, which the live one has reached
   */
  async scan(asOf: Position): Promise<void> {
    const left = documentsOf(this.live);
    const right = documentsOf(this.rebuilt);
    let a = await left.next();
    let b = await right.next();
    while (!a.done || !b.done) {
      const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value.key, b.value.key);
      const live = order <= 0 && !a.done ? a.value : undefined;
      const rebuilt = order >= 0 && !b.done ? b.value : undefined;
      this.decide(live?.key ?? rebuilt?.key ?? "", live, rebuilt, asOf);
      if (order <= 0) a = await left.next();
      if (order >= 0) b = await right.next();
    }
  }

  /**
   * Looks again at what was undecided, now that both have come further.
   * @param asOf as for `scan`; left out when both stand still at one position, so that everything is decided
   */
  async lookAgain(asOf?: Position): Promise<void> {
    const keys = [...this.undecided];
    this.undecided.clear();
    for (let from = 0; from < keys.length; from += loadKeys) {
      const some = keys.slice(from, from + loadKeys);
      const [live, rebuilt] = await Promise.all([this.live.load(some), this.rebuilt.load(some)]);
      for (const key of some) this.decide(key, live.documents.get(key), rebuilt.documents.get(key), asOf);
    }
  }

  /** Both stand still at one position. */
  async end(): Promise<Comparison> {
    await this.lookAgain();
    return this.found;
  }

  /**
   * Decides what is undecided although the live one goes on: a document as it stands there is held against the rebuilt one
   * taken to just that position, where nobody has changed it since.
   * @param takeTo takes the rebuilt one to a position, unless it is there
   */
  async settle(takeTo: (position: Position) => Promise<void>): Promise<Comparison> {
    const keys = [...this.undecided];
    this.undecided.clear();
    for (let from = 0; from < keys.length; from += loadKeys) {
      const { documents, deleted } = await this.live.load(keys.slice(from, from + loadKeys));
      const at = (key: string) => documents.get(key)?.position ?? deleted.get(key) ?? logStart;
      const some = keys.slice(from, from + loadKeys).sort((a, b) => (at(a) < at(b) ? -1 : 1));
      for (const key of some) {
        await takeTo(at(key));
        const rebuilt = (await this.rebuilt.load([key])).documents.get(key);
        this.decide(key, documents.get(key), rebuilt, undefined);
      }
    }
    return this.found;
  }

  private decide(
    key: string,
    live: Document | undefined,
    rebuilt: Document | undefined,
    asOf: Position | undefined,
  ): void {
    if (!live && !rebuilt) return;
    const isSame = live?.json === rebuilt?.json;
    if (!isSame && asOf !== undefined && (!live || live.position > asOf)) {
      this.putOff(key);
      return;
    }
    this.found.documents++;
    if (isSame) return;
    this.found.differing++;
    if (this.found.differences.length < differencesMax)
      this.found.differences.push(shown({ key, live: live?.json, rebuilt: rebuilt?.json }));
  }

  private putOff(key: string): void {
    if (this.undecided.size < undecidedMax) this.undecided.add(key);
    else this.found.uncompared = (this.found.uncompared ?? 0) + 1;
  }
}

/** Compares two generations that both stand still at one position. */
export async function compareGenerations(live: ViewModel, rebuilt: ViewModel): Promise<Comparison> {
  const comparison = new GenerationComparison(live, rebuilt);
  await comparison.scan(await rebuilt.checkpoint());
  return comparison.end();
}

function shown({ key, live, rebuilt }: Difference): Difference {
  let parting = 0;
  if (live !== undefined && rebuilt !== undefined)
    while (parting < live.length && live[parting] === rebuilt[parting]) parting++;
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
