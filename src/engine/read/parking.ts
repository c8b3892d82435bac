import type { Position } from "../../stores/event-store/event-store.ts";
import type { ParkedChange, ParkedDocument } from "../../stores/view-store/view-store.ts";

const parkedDocumentsMax = 10_000;
/** A reason may quote what did not fit, and that may be large. */
const reasonCharactersMax = 500;

/** The documents of one model that wait behind an event which could not be applied. */
export class Parking {
  private readonly modelName: string;
  private parked = new Map<string, ParkedDocument>();
  private stored = new Map<string, ParkedDocument>();
  private readonly fresh = new Set<string>();
  /** What differs from what is stored. */
  private readonly touched = new Set<string>();

  constructor(modelName: string, stored: readonly ParkedDocument[]) {
    this.modelName = modelName;
    this.reset(stored);
  }

  get size(): number {
    return this.parked.size;
  }

  get(key: string): Readonly<ParkedDocument> | undefined {
    return this.parked.get(key);
  }

  list(): ParkedDocument[] {
    return Array.from(this.parked.values(), (document) => ({ ...document }));
  }

  /** What was parked since this was asked for last. */
  takeFresh(): ParkedDocument[] {
    const fresh = [...this.fresh].flatMap((key) => this.parked.get(key) ?? []);
    this.fresh.clear();
    return fresh;
  }

  /** @throws Error when too many are parked */
  park(document: Omit<ParkedDocument, "reason" | "waiting">, error: unknown): void {
    if (this.parked.size >= parkedDocumentsMax && !this.parked.has(document.key))
      throw new Error(`${this.modelName}: ${parkedDocumentsMax} documents are parked already`, {
        cause: error,
      });
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, reasonCharactersMax);
    this.parked.set(document.key, { ...document, reason, waiting: 0 });
    this.fresh.add(document.key);
    this.touched.add(document.key);
  }

  /** One more event waits behind a parked document. */
  wait(key: string): void {
    const parked = this.parked.get(key);
    if (!parked) return;
    parked.waiting++;
    this.touched.add(key);
  }

  delete(key: string): void {
    if (this.parked.delete(key)) this.touched.add(key);
  }

  /** What a save has to store of it. @param asOf how far the model has come */
  changes(asOf: Position): ParkedChange[] {
    return Array.from(this.touched, (key) => {
      const document = this.parked.get(key);
      return { key, asOf, ...(document && { document: { ...document } }) };
    });
  }

  /** What is here is stored now. */
  keep(): void {
    for (const key of this.touched) move(key, this.parked, this.stored);
    this.touched.clear();
  }

  /** Back to what is stored: what came after it comes again. */
  restore(): void {
    for (const key of this.touched) move(key, this.stored, this.parked);
    this.touched.clear();
    this.fresh.clear();
  }

  reset(stored: readonly ParkedDocument[]): void {
    this.stored = new Map(stored.map((document) => [document.key, document]));
    this.parked = new Map(stored.map((document) => [document.key, { ...document }]));
    this.touched.clear();
    this.fresh.clear();
  }
}

function move(key: string, from: Map<string, ParkedDocument>, to: Map<string, ParkedDocument>): void {
  const document = from.get(key);
  if (document) to.set(key, { ...document });
  else to.delete(key);
}
