import type { ParkedDocument } from "../../stores/view-store/view-store.ts";

const parkedDocumentsMax = 10_000;
/** A reason may quote what did not fit, and that may be large. */
const reasonCharactersMax = 500;

/** The documents of one model that wait behind an event which could not be applied. */
export class Parking {
  private readonly modelName: string;
  private parked = new Map<string, ParkedDocument>();
  private stored: readonly ParkedDocument[] = [];
  private readonly fresh = new Set<string>();
  private changed = false;

  constructor(modelName: string, stored: readonly ParkedDocument[]) {
    this.modelName = modelName;
    this.reset(stored);
  }

  /** Differs from what is stored. */
  get isChanged(): boolean {
    return this.changed;
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
    this.changed = true;
  }

  /** One more event waits behind a parked document. */
  wait(key: string): void {
    const parked = this.parked.get(key);
    if (!parked) return;
    parked.waiting++;
    this.changed = true;
  }

  delete(key: string): void {
    if (this.parked.delete(key)) this.changed = true;
  }

  /** What is here is stored now. */
  keep(): void {
    if (!this.changed) return;
    this.stored = this.list();
    this.changed = false;
  }

  /** Back to what is stored: what came after it comes again. */
  restore(): void {
    if (this.changed) this.reset(this.stored);
  }

  reset(stored: readonly ParkedDocument[]): void {
    this.stored = stored;
    this.parked = new Map(stored.map((document) => [document.key, { ...document }]));
    this.fresh.clear();
    this.changed = false;
  }
}
