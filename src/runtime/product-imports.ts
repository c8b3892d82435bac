import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { ShopEvents } from "../../commands/events.ts";
import type { ProductImporter } from "../../commands/processes/shop.ts";
import type { ImportReject, PlannedImport } from "../../commands/productimport/events.ts";
import { isOpen, productImport } from "../../commands/productimport/productimport.ts";
import type { ProductImport } from "../../commands/productimport/state.ts";
import type { Codec } from "../engine/codec.ts";
import { type DataOf, streamName } from "../engine/decider.ts";
import type { CommandContext, Engine } from "../engine/write/engine.ts";
import { UnreadableFile } from "../importers/csv/decoding.ts";
import { type Applied, applyProduct } from "../importers/products/apply.ts";
import { lookThrough, type ProductTable } from "../importers/products/file.ts";
import type { EventStore } from "../stores/event-store/event-store.ts";
import type { Clock } from "../values/clock.ts";
import { deriveId } from "../values/ids.ts";

/** Products under way at once: few, for a shop is open beside it. */
const concurrentMax = 4;
/** What is done before it is said how far the import is. */
const stepProductsMax = 100;
const stepMsMax = 1_000;
/** Of one step: they go out in one event. */
const stepRejectsMax = 400;
const stepPlannedMax = 100;
/** Of the words for what would be done to one product. */
const plannedStepsMax = 20;
const partsPageMax = 4;

export interface ProductImportsOptions {
  engine: Engine;
  events: EventStore;
  codec: Codec;
  clock: Clock;
  currency: string;
}

/**
 * Imports of products that were handed in, a few products at a time. The file stands on the log, and so does how far an
 * import is: whoever goes on with it, in whatever process, reads both there.
 */
export class ProductImports implements ProductImporter {
  private readonly options: ProductImportsOptions;
  private isStopping = false;
  /** The file that is being imported: reading it again for each step would cost more than the step. */
  private opened: { id: string; table: ProductTable } | undefined;

  constructor(options: ProductImportsOptions) {
    this.options = options;
  }

  /** Again after a stop, too. */
  start(): void {
    this.isStopping = false;
  }

  /** What is under way ends after its step. */
  stop(): void {
    this.isStopping = true;
  }

  async run(id: string): Promise<void> {
    try {
      while (!this.isStopping && (await this.step(id)));
    } finally {
      this.opened = undefined;
    }
  }

  /** @returns whether there is more to do */
  private async step(id: string): Promise<boolean> {
    const { engine } = this.options;
    const job = await engine.read(productImport, id, (state) => state);
    if (!isOpen(job)) return false;
    const table = await this.tableOf(id, job);
    if (!table) return false;
    if (job.state === "waiting") await this.lookedThrough(id, table);
    const command = await this.next(id, job, table);
    const context = this.contextOf(id, "reach", job.done);
    const { result } = await engine.execute(productImport, id, "Reach", command, context, isOpen);
    return result;
  }

  /** Does the products that come next. */
  private async next(id: string, { done: from, request }: ProductImport, table: ProductTable) {
    const { isDry, isPublishing } = request;
    const apply = { ...this.options, importId: id, isDry, isPublishing };
    const counts = { created: 0, changed: 0, unchanged: 0, rejected: 0 };
    const rejects: ImportReject[] = [];
    const planned: PlannedImport[] = [];
    const end = Math.min(table.products, from + stepProductsMax);
    const until = performance.now() + stepMsMax;
    let done = from;
    while (done < end && rejects.length < stepRejectsMax && performance.now() < until && !this.isStopping) {
      const few = Array.from({ length: Math.min(concurrentMax, end - done) }, (_, index) => done + index);
      const applied = await Promise.all(few.map((index) => applyProduct(table.read(index), apply)));
      for (const each of applied) {
        counts[each.outcome]++;
        rejects.push(...each.rejects);
        if (isDry && planned.length < stepPlannedMax) planned.push(...plannedOf(each));
      }
      done += few.length;
    }
    return { from, done, ...counts, rejects, planned };
  }

  private async lookedThrough(id: string, { format, rows, products, leftOut }: ProductTable): Promise<void> {
    const command = { format, rows, products, leftOut };
    await this.options.engine.execute(productImport, id, "LookThrough", command, this.contextOf(id, "look"));
  }

  /** @returns undefined where the file cannot be read, which is said then */
  private async tableOf(id: string, { request }: ProductImport): Promise<ProductTable | undefined> {
    if (this.opened?.id === id) return this.opened.table;
    const { engine, clock, currency } = this.options;
    const { kind, encoding } = request;
    const source = () => {
      const bytes = createGunzip();
      pipeline(Readable.from(this.partsOf(id)), bytes, () => {});
      return bytes;
    };
    try {
      const table = await lookThrough(
        { file: "the file", source, kind, encoding },
        { currency, now: clock() },
      );
      this.opened = { id, table };
      return table;
    } catch (error) {
      if (!(error instanceof UnreadableFile) || !isOfFile(error)) throw error;
      const command = { reason: error.message };
      await engine.execute(productImport, id, "Fail", command, this.contextOf(id, "fail"));
      return undefined;
    }
  }

  private async *partsOf(id: string): AsyncGenerator<Buffer> {
    const { events, codec } = this.options;
    const stream = streamName("importfile", id);
    for (let from = 0, isEnd = false; !isEnd; ) {
      const page = await events.readStream(stream, { from, maxCount: partsPageMax });
      for (const event of page.events) {
        const { bytes } = codec.decode(event) as DataOf<ShopEvents, "ImportFilePartReceived">;
        yield Buffer.from(bytes, "base64");
      }
      from += page.events.length;
      isEnd = page.isEnd;
    }
  }

  private contextOf(id: string, ...names: (string | number)[]): CommandContext {
    return {
      commandId: deriveId("product import", id, ...names),
      now: this.options.clock(),
      actor: "system:import",
      correlationId: `import-${id}`,
    };
  }
}

function plannedOf({ row, product, outcome, steps }: Applied): PlannedImport[] {
  if (outcome !== "created" && outcome !== "changed") return [];
  return [{ row, product, outcome, steps: steps.slice(0, plannedStepsMax) }];
}

/** Rather than of the store that it is read from. */
function isOfFile({ cause }: UnreadableFile): boolean {
  return cause === undefined || cause instanceof UnreadableFile || isOfParser(cause);
}

function isOfParser(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && String(cause.code).startsWith("CSV_");
}
