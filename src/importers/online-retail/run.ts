import { cart } from "../../../commands/cart/cart.ts";
import type { CartItem } from "../../../commands/cart/events.ts";
import { linesOf } from "../../../commands/cart/state.ts";
import { order } from "../../../commands/order/order.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { refundable } from "../../../commands/payment/state.ts";
import { runCheckout } from "../../../commands/processes/checkout.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { deliverOrder, placedOrder, shipOrder } from "../../../commands/processes/fulfilment.ts";
import { createProduct, describeProduct, productIdOf } from "../../../commands/processes/listing.ts";
import { isRefusal, type ProcessContext } from "../../../commands/processes/process.ts";
import { refundOrder } from "../../../commands/processes/refunds.ts";
import type { Shop } from "../../../commands/processes/shop.ts";
import { findSku, openSku } from "../../../commands/processes/skus.ts";
import { attemptsOf } from "../../../commands/processes/start-checkout.ts";
import { product } from "../../../commands/product/product.ts";
import { stockQuantityMax } from "../../../commands/stock/events.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { CommandContext, Engine } from "../../engine/write/engine.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { dayOf } from "../../values/calendar.ts";
import { deriveId } from "../../values/ids.ts";
import { inParallel } from "../../values/in-parallel.ts";
import { Problem } from "../../values/problem.ts";
import { stockHolder } from "../../values/sku.ts";
import { ImportRefused } from "../refused.ts";
import { cartOf, invoiceScope, orderOf } from "./ids.ts";
import type { OpeningStock } from "./list.ts";
import type { MetSku, Plan, Relisting, Reversal, Sale, StockChange } from "./plan.ts";
import { weekMs } from "./staging.ts";

/** Invoices under way at once: enough that their steps share commits. */
const concurrentInvoicesMax = 128;
const concurrentChangesMax = 256;
/** Lines added to a cart in one append, whose bytes are bounded. */
const linesPerAppendMax = 500;

/** What the catalog lists a SKU at, as the run goes on. */
interface Listing {
  productId: string;
  name: string;
  price: number;
}

/** How the shop has a SKU that the run meets. */
interface KnownSku {
  isKnown: boolean;
  isTracked: boolean;
  /** The product of another hand that has it: it stays as it is. */
  productId?: string;
}

/** The commands of one run. The ids of an invoice derive from its number, so each takes effect once. */
export class InvoiceRun {
  /** Lines of cancellations that their orders have refused. */
  refusedReturns = 0;
  private readonly runtime: Runtime;
  private readonly id: string;
  private readonly plan: Plan;
  private readonly shop: Shop;
  /** By SKUs as their streams are named. */
  private readonly listed = new Map<string, Listing>();
  private readonly known = new Map<string, KnownSku>();

  constructor(runtime: Runtime, id: string, plan: Plan) {
    this.runtime = runtime;
    this.id = id;
    this.plan = plan;
    this.shop = importingShop(runtime.shop);
  }

  private get engine(): Engine {
    return this.runtime.engine;
  }

  /** Looks for what the shop has of the run's SKUs. */
  async findSkus(): Promise<void> {
    await inParallel(this.plan.skus.values(), concurrentChangesMax, async (met) => {
      const known = await findSku(this.engine, met.folded);
      if (known) met.sku = known.sku;
      const { exists, track } = await this.engine.read(stock, met.sku, (state, revision) => ({
        exists: revision >= 0,
        track: state.track,
      }));
      const isKnown = known !== undefined;
      const isTracked = isKnown || exists ? track : met.isStocked;
      const holder = known?.holder ?? stockHolder;
      const isForeign = holder !== stockHolder && holder !== this.idOfProduct(met);
      this.known.set(met.sku, { isKnown, isTracked, ...(isForeign && { productId: holder }) });
    });
  }

  /**
   * What stock is opened with before the run, so that it is the same after it.
   * @throws ImportRefused for more than can be stocked
   */
  openings(): OpeningStock[] {
    const met = [...this.plan.skus.values()].filter(
      ({ sku, opening }) => opening > 0 && this.known.get(sku)?.isTracked,
    );
    const tooMany = met.find(({ opening }) => opening > stockQuantityMax);
    if (tooMany) throw new ImportRefused(`${tooMany.sku} is sold more than ${stockQuantityMax} times`);
    return met.map(({ sku, opening, at }) => ({ sku, quantity: opening, at }));
  }

  /** Everything of one week, and each thing once, however often it is done. */
  async week(week: number, onInvoice: () => void): Promise<void> {
    const { plan } = this;
    const skus = plan.skusOf(week);
    await inParallel(skus, concurrentChangesMax, (met) => this.addSku(met));
    this.note(skus);
    await inParallel(plan.sales(week), concurrentInvoicesMax, async (sale) => {
      await this.sell(sale);
      onInvoice();
    });
    await inParallel(plan.stockChanges(week), concurrentChangesMax, (change) => this.writeOff(change));
    await inParallel(plan.reversals(week), concurrentInvoicesMax, async (ofOneOrder) => {
      for (const reversal of ofOneOrder) await this.takeBack(reversal);
    });
    await inParallel(this.changesOf(week), concurrentChangesMax, (change) => this.relist(change));
  }

  /** As after a week that is done. */
  skip(week: number): void {
    this.note(this.plan.skusOf(week));
    for (const change of this.changesOf(week)) this.noteChange(change);
  }

  private context(at: number, ...names: (string | number)[]): CommandContext {
    return {
      actor: "system:import",
      correlationId: `import-${this.id}`,
      now: at,
      commandId: deriveId("import", ...names),
    };
  }

  private process(at: number, ...names: (string | number)[]): ProcessContext {
    const { now: _, ...step } = this.context(at, ...names);
    return { ...step, clock: () => at };
  }

  private idOfProduct({ folded }: { folded: string }): string {
    return productIdOf(this.context(0, "product", this.id, folded).commandId);
  }

  private async addSku(met: MetSku): Promise<void> {
    const { sku, folded, product: sold, at } = met;
    const known = this.known.get(sku);
    const step = (name: string) => this.context(at, name, this.id, folded);
    if (!met.isStocked && !known?.isKnown)
      await this.engine.execute(stock, sku, "SetPolicy", { track: false }, step("untracked"));
    if (known?.productId !== undefined) return;
    if (!sold) return openSku(this.engine, sku, step("open"));
    const { name, slug, price } = sold;
    const variants = [{ sku, price: { amount: price, currency: this.shop.settings.currency } }];
    try {
      await createProduct(this.engine, step("product"), { name, slug, variants }, () => {});
    } catch (error) {
      // Another product has the slug: it gets one of those that are free.
      if (!(error instanceof Problem) || error.code !== "already_exists" || !("slug" in error.extras))
        throw error;
      await createProduct(this.engine, step("product"), { name, variants }, () => {});
    }
    await this.engine.execute(product, this.idOfProduct(met), "Publish", {}, step("publish"));
  }

  private note(skus: readonly MetSku[]): void {
    for (const met of skus) {
      if (!met.product) continue;
      const { name, price } = met.product;
      const foreign = this.known.get(met.sku)?.productId;
      this.listed.set(met.sku, { productId: foreign ?? this.idOfProduct(met), name, price });
    }
  }

  private async sell({ invoice, at, customer, email, lines }: Sale): Promise<void> {
    const cartId = cartOf(invoiceScope, invoice);
    const { currency, cartLifeMs: lifeMs } = this.shop.settings;
    const items = lines.map(({ sku, name, quantity, unitPrice }): CartItem => {
      const listing = this.listed.get(sku);
      if (!listing) throw new Error(`${sku} is sold before it is listed`);
      const isForeign = this.known.get(sku)?.productId !== undefined;
      const overridden = (isForeign || unitPrice !== listing.price) && { priceOverridden: true as const };
      return { sku, productId: listing.productId, name, quantity, unitPrice, ...overridden };
    });
    const opened = this.engine.execute(
      cart,
      cartId,
      "Open",
      { currency, lifeMs },
      this.context(at, "open", invoice),
    );
    const added = [];
    for (let from = 0; from < items.length; from += linesPerAppendMax) {
      const add = { cartId, items: items.slice(from, from + linesPerAppendMax), currency, lifeMs };
      const context = this.context(at, "add", invoice, from);
      added.push(
        this.engine.execute(cart, cartId, "Add", add, context, (state) =>
          state.phase === "absent"
            ? []
            : linesOf(state).map(({ quantity, unitPrice }) => ({ quantity, unitPrice })),
        ),
      );
    }
    const result = (await Promise.all([opened, ...added])).at(-1)?.result ?? [];
    const unitPrices = result.map(({ unitPrice }) => unitPrice);
    const total = result.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);
    const request = {
      ...(customer !== "" && { customerId: customer }),
      ...(email !== "" && { email }),
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
      throw new ImportRefused(`invoice ${invoice} did not become an order: ${why}`);
    }
    const shipmentId = deriveId("import", "shipment", invoice);
    await shipOrder(this.shop, checkout.orderId, { shipmentId }, this.process(at, "ship", invoice));
  }

  private async writeOff({ invoice, ordinal, sku, delta, reason, at }: StockChange): Promise<void> {
    const adjust = { sku, delta, reason, movementId: `${invoice}/${ordinal}` };
    await this.engine.execute(
      stock,
      sku,
      "Adjust",
      adjust,
      this.context(at, "adjust", invoice, sku, ordinal),
    );
  }

  private async takeBack({ invoice, orderInvoice, orderScope, at, lines, amount }: Reversal): Promise<void> {
    const orderId = orderOf(orderScope, orderInvoice);
    const returnId = deriveId("import", "return", invoice, orderInvoice);
    const reason = `cancellation ${invoice}`;
    const step = (name: string) => this.context(at, name, invoice, orderInvoice);
    try {
      await deliverOrder(this.shop, orderId, {}, this.process(at, "deliver", invoice, orderInvoice));
      await this.engine.execute(order, orderId, "RequestReturn", { returnId, lines, reason }, step("return"));
    } catch (error) {
      // The shop has taken the goods back already, or cancelled the order.
      if (!isRefusal(error)) throw error;
      this.refusedReturns += lines.length;
      return;
    }
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

  /** What has changed, of the products that the run has listed. */
  private *changesOf(week: number): Generator<Relisting & { sku: string; productId: string }> {
    for (const { folded, name, price, at } of this.plan.relistings(week)) {
      const sku = this.plan.skus.get(folded)?.sku ?? folded;
      const listing = this.listed.get(sku);
      if (!listing || this.known.get(sku)?.productId !== undefined) continue;
      if (listing.name === name && listing.price === price) continue;
      yield { folded, sku, productId: listing.productId, name, price, at };
    }
  }

  private noteChange({ sku, ...listing }: Listing & { sku: string }): void {
    this.listed.set(sku, listing);
  }

  private async relist(change: Relisting & { sku: string; productId: string }): Promise<void> {
    const { folded, sku, productId, name, price, at } = change;
    const step = (what: string) => this.context(at, what, this.id, folded, at);
    const reprice = { sku, price: { amount: price, currency: this.shop.settings.currency } };
    await this.engine.execute(product, productId, "Reprice", reprice, step("reprice"));
    await describeProduct(this.engine, step("describe"), productId, { name }, () => {});
    this.noteChange(change);
  }
}

/** Opens stock with what a run is going to take out of it: once for each run and SKU. */
export async function receiveOpenings(
  { engine }: Runtime,
  runId: string,
  openings: readonly OpeningStock[],
): Promise<void> {
  await inParallel(openings, concurrentChangesMax, async ({ sku, quantity, at }) => {
    const receipt = { quantity, reference: "opening stock", movementId: `${runId}/opening` };
    await engine.execute(stock, sku, "Receive", receipt, {
      actor: "system:import",
      correlationId: `import-${runId}`,
      now: at,
      commandId: deriveId("import", "receive", runId, sku),
    });
  });
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
