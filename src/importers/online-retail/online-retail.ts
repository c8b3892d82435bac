import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { parse } from "csv-parse";
import { cart } from "../../../commands/cart/cart.ts";
import type { CartItem } from "../../../commands/cart/events.ts";
import { linesOf } from "../../../commands/cart/state.ts";
import { importer } from "../../../commands/import/import.ts";
import { order } from "../../../commands/order/order.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { refundable } from "../../../commands/payment/state.ts";
import { runCheckout } from "../../../commands/processes/checkout.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { deliverOrder, placedOrder, shipOrder } from "../../../commands/processes/fulfilment.ts";
import { createProduct, describeProduct, productIdOf } from "../../../commands/processes/listing.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { refundOrder } from "../../../commands/processes/refunds.ts";
import type { Shop } from "../../../commands/processes/shop.ts";
import { openSku } from "../../../commands/processes/skus.ts";
import { attemptsOf, orderIdOf } from "../../../commands/processes/start-checkout.ts";
import { product } from "../../../commands/product/product.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { CommandContext, Engine } from "../../engine/write/engine.ts";
import { prepareLog } from "../../runtime/prepare-log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { dayOf } from "../../values/calendar.ts";
import { isoTime } from "../../values/clock.ts";
import { deriveId } from "../../values/ids.ts";
import {
  createPlanner,
  type ImportPlan,
  type InvoiceLine,
  type NewSku,
  type PlannedWeek,
  type Relisting,
  type Reversal,
  type Sale,
  weekMs,
} from "./plan.ts";

/** Invoices under way at once: enough that their steps share commits. */
const concurrentInvoicesMax = 128;
const concurrentChangesMax = 256;
const columns = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
] as const;

export interface ImportOptions {
  /** A CSV file in the columns of the data set, gzipped when it ends in .gz. */
  file: string;
  /** Where rejected lines go, with their reasons; beside the file's name in the working folder by default. */
  rejectsFile?: string;
  progress?: (done: number, total: number, what: string) => void;
}

export interface ImportSummary {
  file: string;
  lines: number;
  used: { sales: number; returns: number; stockChanges: number; total: number };
  rejected: { total: number; byReason: Record<string, number>; file: string };
  orders: number;
  units: number;
  gross: { amount: number; currency: string };
  /** The import had been started before and went on, or had been finished already. */
  resumed?: boolean;
  alreadyImported?: boolean;
  events: number;
  seconds: number;
  eventsPerSecond: number;
}

/** The file is not one of these columns. */
export class UnreadableFile extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnreadableFile";
  }
}

/**
 * Replays a year of a shop as commands, each at the time of its invoice: products and stock as needed, every
 * sale a cart that is checked out, paid and shipped, cancellations as returns and refunds, write-offs as
 * adjustments. Started again after it was stopped, it goes on; what was done is not done twice.
 *
 * @throws UnreadableFile
 */
export async function importOnlineRetail(runtime: Runtime, options: ImportOptions): Promise<ImportSummary> {
  const { file, progress = () => {} } = options;
  const started = performance.now();
  const before = await runtime.events.head();
  await prepareLog(runtime);
  progress(0, 1, "reading");
  const { plan, digest } = await readPlan(file, runtime);
  const rejectsFile = options.rejectsFile ?? `${basename(file)}.rejects.csv`;
  await writeRejects(rejectsFile, plan);

  const run = new ImportRun(runtime, digest);
  const first = plan.weeks[0];
  const state = await runtime.engine.read(importer, digest, (state) => ({ ...state }));
  if (first && !state.finished) {
    const at = first.skus[0]?.at ?? 0;
    const begin = { file: basename(file), lines: plan.lines };
    await runtime.engine.execute(importer, digest, "Start", begin, run.context(at, "start"));
    await run.weeks(plan, state.lastWeek, progress);
  }
  progress(plan.orders, plan.orders, "projecting");
  await runtime.models.caughtUp();

  const seconds = (performance.now() - started) / 1000;
  const events = (await runtime.events.countBetween(before, await runtime.events.head())) ?? 0;
  const byReason: Record<string, number> = {};
  for (const { reason } of plan.rejects) byReason[reason] = (byReason[reason] ?? 0) + 1;
  const { sales, returns, stockChanges } = plan.used;
  return {
    file: basename(file),
    lines: plan.lines,
    used: { ...plan.used, total: sales + returns + stockChanges },
    rejected: { total: plan.rejects.length, byReason, file: rejectsFile },
    orders: plan.orders,
    units: plan.units,
    gross: { amount: plan.gross, currency: runtime.config.STORE_CURRENCY },
    ...(state.finished ? { alreadyImported: true } : state.lastWeek !== undefined && { resumed: true }),
    events,
    seconds: Math.round(seconds * 10) / 10,
    eventsPerSecond: Math.round(events / seconds),
  };
}

async function readPlan(file: string, { config }: Runtime): Promise<{ plan: ImportPlan; digest: string }> {
  const planner = createPlanner({ timeZone: config.STORE_TIME_ZONE, currency: config.STORE_CURRENCY });
  const hash = createHash("sha256");
  const parser = parse({ bom: true, columns: false, relax_column_count: true });
  const source = createReadStream(file);
  source.on("data", (chunk) => hash.update(chunk));
  const reading = file.endsWith(".gz") ? pipeline(source, createGunzip(), parser) : pipeline(source, parser);
  try {
    let line = 0;
    for await (const row of parser as AsyncIterable<string[]>) {
      if (++line === 1) requireColumns(row, file);
      else planner.add(lineOf(row, line));
    }
    await reading;
  } catch (error) {
    reading.catch(() => {});
    if (error instanceof UnreadableFile) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnreadableFile(`${file} cannot be read: ${reason}`, { cause: error });
  }
  return { plan: planner.finish(), digest: hash.digest("hex").slice(0, 32) };
}

function requireColumns(header: readonly string[], file: string): void {
  const given = header.map((name) => name.trim());
  if (columns.every((name, index) => given[index] === name)) return;
  throw new UnreadableFile(`${file} has the columns ${given.join(",")}; needed: ${columns.join(",")}`);
}

function lineOf(row: readonly string[], line: number): InvoiceLine {
  const [invoice = "", code = "", description = "", quantity = "", date = "", unitPrice = "", customer = ""] =
    row;
  return { line, invoice, code, description, quantity, date, unitPrice, customer, country: row[7] ?? "" };
}

async function writeRejects(file: string, { rejects }: ImportPlan): Promise<void> {
  const rows = rejects.map(({ line, reason }) => `${line},"${reason}"\n`);
  const handle = await open(`${file}.tmp`, "w");
  try {
    await handle.writeFile(`line,reason\n${rows.join("")}`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.tmp`, file);
}

/** The commands of one import. All ids derive from the file and the invoice, so each takes effect once. */
class ImportRun {
  private readonly runtime: Runtime;
  private readonly digest: string;
  private readonly shop: Shop;
  /** What the catalog lists a SKU at, as the import goes on. */
  private readonly listed = new Map<string, { productId: string; price: number }>();

  constructor(runtime: Runtime, digest: string) {
    this.runtime = runtime;
    this.digest = digest;
    this.shop = importingShop(runtime.shop);
  }

  async weeks(
    plan: ImportPlan,
    lastWeek: number | undefined,
    progress: (done: number, total: number, what: string) => void,
  ): Promise<void> {
    let orders = 0;
    for (const planned of plan.weeks) {
      if (lastWeek !== undefined && planned.week <= lastWeek) {
        for (const sku of planned.skus) this.note(sku);
        for (const { sku, price } of planned.relistings)
          this.listed.set(sku, { productId: this.idOfProduct(sku), price });
        orders += planned.sales.length;
        continue;
      }
      const from = isoTime(planned.week * weekMs).slice(0, 10);
      await this.importWeek(planned, () => progress(++orders, plan.orders, from));
    }
    await this.engine.execute(
      importer,
      this.digest,
      "Finish",
      { orders: plan.orders },
      this.context(this.runtime.clock(), "finish"),
    );
  }

  context(at: number, ...names: (string | number)[]): CommandContext {
    return {
      actor: "system:import",
      correlationId: `import-${this.digest}`,
      now: at,
      commandId: deriveId("step", this.digest, ...names),
    };
  }

  private process(at: number, ...names: (string | number)[]): ProcessContext {
    const { now: _, ...step } = this.context(at, ...names);
    return { ...step, clock: () => at };
  }

  private get engine(): Engine {
    return this.runtime.engine;
  }

  private cartOf(invoice: string): string {
    return deriveId("import", this.digest, "cart", invoice);
  }

  private orderOf(invoice: string): string {
    return orderIdOf(this.cartOf(invoice), 1);
  }

  private idOfProduct(sku: string): string {
    return productIdOf(this.context(0, "product", sku).commandId);
  }

  private async importWeek(planned: PlannedWeek, onInvoice: () => void): Promise<void> {
    const { week, skus, sales, stockChanges, reversals, relistings } = planned;
    await inParallel(skus, concurrentChangesMax, (sku) => this.addSku(sku));
    for (const sku of skus) this.note(sku);
    await inParallel(sales, concurrentInvoicesMax, async (sale) => {
      await this.sell(sale);
      onInvoice();
    });
    await inParallel(stockChanges, concurrentChangesMax, async ({ line, sku, delta, reason, at }) => {
      const adjust = { sku, delta, reason, movementId: `${this.digest}/${line}` };
      await this.engine.execute(stock, sku, "Adjust", adjust, this.context(at, "adjust", line));
    });
    const byOrder = Object.values(Object.groupBy(reversals, ({ orderInvoice }) => orderInvoice));
    await inParallel(byOrder, concurrentInvoicesMax, async (ofOneOrder) => {
      for (const reversal of ofOneOrder ?? []) await this.takeBack(reversal);
    });
    await inParallel(relistings, concurrentChangesMax, (change) => this.relist(change));
    const done = planned.skus[0]?.at ?? sales[0]?.at ?? stockChanges[0]?.at ?? 0;
    await this.engine.execute(
      importer,
      this.digest,
      "FinishWeek",
      { week },
      this.context(done, "week", week),
    );
  }

  private async addSku({ sku, tracked, opening, product: sold, at }: NewSku): Promise<void> {
    if (tracked && opening > 0) {
      const receipt = { quantity: opening, reference: "opening stock", movementId: `${this.digest}/opening` };
      await this.engine.execute(stock, sku, "Receive", receipt, this.context(at, "receive", sku));
    }
    if (!tracked)
      await this.engine.execute(
        stock,
        sku,
        "SetPolicy",
        { track: false },
        this.context(at, "untracked", sku),
      );
    if (!sold) return openSku(this.engine, sku, this.context(at, "open", sku));
    const { name, slug, price } = sold;
    const variants = [{ sku, price: { amount: price, currency: this.shop.settings.currency } }];
    await createProduct(this.engine, this.context(at, "product", sku), { name, slug, variants }, () => {});
    await this.engine.execute(
      product,
      this.idOfProduct(sku),
      "Publish",
      {},
      this.context(at, "publish", sku),
    );
  }

  private note({ sku, product: sold }: NewSku): void {
    if (sold) this.listed.set(sku, { productId: this.idOfProduct(sku), price: sold.price });
  }

  private async sell({ invoice, at, customer, lines }: Sale): Promise<void> {
    const cartId = this.cartOf(invoice);
    const { currency, cartLifeMs: lifeMs } = this.shop.settings;
    const items = lines.map(({ sku, name, quantity, unitPrice }): CartItem => {
      const listing = this.listed.get(sku);
      if (!listing) throw new Error(`${sku} is sold before it is listed`);
      const overridden = unitPrice !== listing.price && { priceOverridden: true as const };
      return { sku, productId: listing.productId, name, quantity, unitPrice, ...overridden };
    });
    const opened = this.engine.execute(
      cart,
      cartId,
      "Open",
      { currency, lifeMs },
      this.context(at, "open", invoice),
    );
    const add = { cartId, items, currency, lifeMs };
    const added = this.engine.execute(cart, cartId, "Add", add, this.context(at, "add", invoice), (state) =>
      state.phase === "absent"
        ? []
        : linesOf(state).map(({ quantity, unitPrice }) => ({ quantity, unitPrice })),
    );
    const [, { result }] = await Promise.all([opened, added]);
    const unitPrices = result.map(({ unitPrice }) => unitPrice);
    const total = result.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);
    const request = {
      ...(customer !== "" && { customerId: customer }),
      shippingMethod: "standard",
      payment: { method: "credit_card" as const },
      quote: { unitPrices, shipping: 0, tax: this.shop.settings.tax, total },
    };
    const number = await this.shop.numbers.next(dayOf(at, this.shop.settings.timeZone));
    const start = { cartId, request, attemptOf: attemptsOf(cartId, number) };
    await this.engine.execute(cart, cartId, "StartCheckout", start, this.context(at, "checkout", invoice));
    const checkout = await runCheckout(this.shop, cartId, this.process(at, "run", invoice));
    if (checkout.status !== "confirmed") {
      const why = checkout.status === "failed" ? checkout.problem.message : "its payment is pending";
      throw new Error(`invoice ${invoice} did not become an order: ${why}`);
    }
    const shipmentId = deriveId("import", this.digest, "shipment", invoice);
    await shipOrder(this.shop, checkout.orderId, { shipmentId }, this.process(at, "ship", invoice));
  }

  private async takeBack({ invoice, orderInvoice, at, lines, amount }: Reversal): Promise<void> {
    const orderId = this.orderOf(orderInvoice);
    const returnId = deriveId("import", this.digest, "return", invoice, orderInvoice);
    const reason = `cancellation ${invoice}`;
    await deliverOrder(this.shop, orderId, {}, this.process(at, "deliver", invoice, orderInvoice));
    const step = (name: string) => this.context(at, name, invoice, orderInvoice);
    await this.engine.execute(order, orderId, "RequestReturn", { returnId, lines, reason }, step("return"));
    await this.engine.execute(order, orderId, "ApproveReturn", { returnId }, step("approve"));
    const bySku = new Map<string, number>();
    for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
    const received = [...bySku].map(([sku, sellable]) => ({ sku, sellable, damaged: 0 }));
    await this.engine.execute(
      order,
      orderId,
      "ReceiveReturn",
      { returnId, receiptId: returnId, lines: received, refund: "none" },
      step("receive"),
    );
    await applyEffects(this.shop, orderId, this.process(at, "effects", invoice, orderInvoice));
    await this.refund(orderId, returnId, amount, reason, this.process(at, "refund", invoice, orderInvoice));
  }

  /** What the cancellation says, as far as it was paid. */
  private async refund(
    orderId: string,
    refundId: string,
    amount: number,
    reason: string,
    context: ProcessContext,
  ): Promise<void> {
    const { paymentId } = await placedOrder(this.shop, orderId);
    const most = await this.engine.read(payment, paymentId, (state) => {
      if (state.phase === "absent") return 0;
      return state.refunds.get(refundId)?.amount ?? refundable(state);
    });
    const request = { refundId, amount: Math.min(amount, most), reason, cause: "return" as const };
    if (request.amount > 0) await refundOrder(this.shop, orderId, request, context);
  }

  private async relist({ sku, name, price, at }: Relisting): Promise<void> {
    const id = this.idOfProduct(sku);
    const reprice = { sku, price: { amount: price, currency: this.shop.settings.currency } };
    await this.engine.execute(product, id, "Reprice", reprice, this.context(at, "reprice", sku, at));
    await describeProduct(this.engine, this.context(at, "describe", sku, at), id, { name }, () => {});
    this.listed.set(sku, { productId: id, price });
  }
}

/** What the invoices say was paid: nothing is added for shipping or tax. */
function importingShop(shop: Shop): Shop {
  return {
    ...shop,
    settings: {
      ...shop.settings,
      tax: { rateBp: 0, included: true, per: "line", rounding: "half_up" },
      shippingPrices: { standard: 0, express: 0, overnight: 0 },
      // A week's invoices come in at once, and the time of a SKU never goes back: no hold runs out meanwhile.
      reservationMs: 2 * weekMs,
    },
  };
}

/** Runs tasks with at most so many at once; the first failure ends it. */
async function inParallel<T>(
  items: readonly T[],
  concurrentMax: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const next = items.values();
  const worker = async () => {
    for (const item of next) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrentMax, items.length) }, worker));
}
