import { order } from "../../../commands/order/order.ts";
import { type PlacedOrder, paymentsOf } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import type { InitiatedPayment } from "../../../commands/payment/state.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import type { Shop, ShopSettings } from "../../../commands/processes/shop.ts";
import type { Stock } from "../../../commands/stock/state.ts";
import { stock } from "../../../commands/stock/stock.ts";
import { ordersProjection } from "../../../projections/orders/orders.ts";
import { paymentsProjection } from "../../../projections/payments.ts";
import { reservationsProjection } from "../../../projections/stock/reservations.ts";
import { stockProjection } from "../../../projections/stock/stock.ts";
import { tasksProjection } from "../../../projections/tasks/tasks.ts";
import { newId } from "../../../src/values/ids.ts";
import { Problem } from "../../../src/values/problem.ts";
import { type CheckoutOptions, type Line, type Started, startCheckout } from "../../support/shop.ts";
import { Documents } from "../projections/support.ts";
import { Gateway } from "./gateway.ts";
import { Streams } from "./streams.ts";

/** Of one process and those that interrupt it: far more than any needs. */
const callsMax = 2_000;

/** A process that is gone asks nobody anything any more. */
class Gone extends Error {}

/** What happens to a process at one of the points where it waits. */
export interface Interruption {
  /** After so many calls of the log or the gateway. */
  after: number;
  /** What others do meanwhile; without it, it is gone. */
  meanwhile?: Work | undefined;
}

/** Of one process: requests, tasks and timers work with a shop. */
export type Work = (shop: Shop, context: ProcessContext) => Promise<unknown>;

/** Amounts of money and numbers of pieces that the events of an order name, summed up by hand. */
interface Sums {
  due: number;
  captured: number;
  refunded: number;
}

/** A shop in memory: its streams, its gateway, and the read models of its log. */
export class World {
  readonly orders: Started[] = [];
  readonly skus: readonly string[];
  readonly models = {
    orders: new Documents(ordersProjection),
    payments: new Documents(paymentsProjection),
    tasks: new Documents(tasksProjection),
    stock: new Documents(stockProjection),
    reservations: new Documents(reservationsProjection),
  };
  readonly sums = new Map<string, Sums>();
  readonly streams = new Streams((event) => {
    for (const model of Object.values(this.models)) model.add(event);
    this.sum(event.stream.slice("order-".length), event.type, event.data);
  });
  readonly gateway = new Gateway(() => this.pass());
  now = Date.UTC(2026, 0, 15, 12);
  private readonly settings: ShopSettings;
  /** Of the process that is at work. */
  private interruption: Interruption | undefined;
  private isGone = false;
  private calls = 0;

  constructor(settings: ShopSettings, skus: readonly string[]) {
    this.settings = settings;
    this.skus = skus;
  }

  /** Opens a cart and starts its checkout, which nobody has run yet. */
  async buy(cartId: string, lines: readonly Line[], options: CheckoutOptions): Promise<void> {
    const shop = this.shop();
    const by = () => ({ commandId: newId(), now: this.now, actor: "test", correlationId: "test" });
    this.orders.push(await startCheckout({ ...shop, by }, cartId, lines, options));
  }

  /**
   * A process at work, until it is done, refused or gone.
   * @param isSilent no gateway answers
   * @throws what nobody has thought of
   */
  async run(work: Work, interruption?: Interruption, isSilent = false): Promise<void> {
    const outer = { interruption: this.interruption, isGone: this.isGone };
    Object.assign(this, { interruption, isGone: false, calls: 0 });
    try {
      await work(this.shop(isSilent), this.context());
    } catch (error) {
      const isForeseen =
        error instanceof Gone || (error instanceof Problem && error.code !== "internal_error");
      if (!isForeseen) throw error;
    } finally {
      Object.assign(this, outer);
    }
  }

  order(orderId: string): PlacedOrder | undefined {
    const state = this.streams.state(order, orderId);
    return state.phase === "placed" ? state : undefined;
  }

  payment(paymentId: string): InitiatedPayment | undefined {
    const state = this.streams.state(payment, paymentId);
    return state.phase === "absent" ? undefined : state;
  }

  /** Of an order: those that were added, too. */
  payments({ orderId, paymentId }: Started): [id: string, state: InitiatedPayment][] {
    const placed = this.order(orderId);
    return (placed ? paymentsOf(placed) : [paymentId]).flatMap((id): [string, InitiatedPayment][] => {
      const state = this.payment(id);
      return state ? [[id, state]] : [];
    });
  }

  stock(sku: string): Stock {
    return this.streams.state(stock, sku);
  }

  private shop(isSilent = false): Shop {
    const engine = this.streams.engine(() => this.pass());
    const settings = isSilent ? { ...this.settings, gatewayTimeoutMs: 0 } : this.settings;
    let numbers = 0;
    return {
      engine,
      gateway: this.gateway,
      settings,
      imports: { run: async () => {} },
      numbers: { next: async () => `N-${++numbers}` },
    };
  }

  private context(): ProcessContext {
    return { clock: () => this.now, commandId: newId(), actor: "test", correlationId: "test" };
  }

  private async pass(): Promise<void> {
    if (this.isGone) throw new Gone();
    if (++this.calls > callsMax) throw new Error("a process that does not end");
    const { interruption } = this;
    if (!interruption || interruption.after-- > 0) return;
    this.interruption = undefined;
    if (interruption.meanwhile) return this.run(interruption.meanwhile);
    this.isGone = true;
    throw new Gone();
  }

  private sum(orderId: string, type: string, data: unknown): void {
    const { totals, amount = 0 } = data as { totals?: { total: number }; amount?: number };
    if (type === "OrderPlaced") this.sums.set(orderId, { due: totals?.total ?? 0, captured: 0, refunded: 0 });
    const sums = this.sums.get(orderId);
    if (!sums) return;
    if (type === "OrderPaid") sums.captured += amount;
    if (type === "OrderRefunded") sums.refunded += amount;
    if (type === "OrderCredited") sums.due -= amount;
    if (type === "CreditWithdrawn") sums.due += amount;
  }
}
