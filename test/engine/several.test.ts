import { describe, expect, test } from "vitest";
import { z } from "zod";
import { findOffer } from "../../commands/cart/quote.ts";
import { order } from "../../commands/order/order.ts";
import { createProduct, productIdOf } from "../../commands/processes/listing.ts";
import { product } from "../../commands/product/product.ts";
import { availableOf } from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { decider, event } from "../../src/engine/decider.ts";
import { Engine } from "../../src/engine/write/engine.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { createShop, shopCodec } from "../support/shop.ts";
import { shared, temporaryLog } from "../support/stores.ts";

const by = () => ({ commandId: newId(), now: 1_000, actor: "test", correlationId: "test" });

/** The log as one of several processes has it, and how many events that has read. */
function counted(log: EventStore) {
  let read = 0;
  const events: EventStore = {
    ...shared(log),
    readStream: async (stream, options) => {
      const page = await log.readStream(stream, options);
      read += page.events.length;
      return page;
    },
  };
  return { events, read: () => read };
}

describe("several engines on one log", () => {
  test("20 commands by turns on a stream of 5,000 events read what is new, and nothing twice", async () => {
    const log = await temporaryLog();
    const stores = [counted(log), counted(log)];
    const engines = stores.map(({ events }) => new Engine({ events, codec: shopCodec }));
    for (let n = 0; n < 5; n++)
      await Promise.all(
        Array.from({ length: 1_000 }, () =>
          engines[0]?.execute(stock, "A", "Receive", { quantity: 1 }, by()),
        ),
      );
    await engines[1]?.read(stock, "A", () => 0);
    const before = stores.map(({ read }) => read());
    for (let n = 0; n < 20; n++) await engines[n % 2]?.execute(stock, "A", "Receive", { quantity: 1 }, by());
    const after = stores.map(({ read }) => read());
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([9, 10]);
  });

  test("a refusal is as good as the tail: what another has delivered is sold", async () => {
    const log = await temporaryLog();
    const [one, other] = [1, 2].map(() => createShop({ events: shared(log) }));
    if (!one || !other) throw new Error("two shops");
    await one.receive("A", 1);
    await one.checkOut([{ sku: "A" }]);
    expect((await other.stockOf("A")).available).toBe(0);
    await one.receive("A", 5);
    expect((await other.checkOut([{ sku: "A", quantity: 5 }])).result.status).toBe("confirmed");
    expect((await one.stockOf("A")).available).toBe(0);
  });

  test("a SKU that another process has just put on sale is sold, though nobody sold it a moment ago", async () => {
    const log = await temporaryLog();
    const [one, other] = [1, 2].map(() => new Engine({ events: shared(log), codec: shopCodec }));
    if (!one || !other) throw new Error("two engines");
    await expect(findOffer(other, "NEW")).rejects.toThrow("there is no SKU");
    const variants = [{ sku: "NEW", price: { amount: 500, currency: "USD" } }];
    const context = by();
    await createProduct(one, context, { name: "New", variants }, () => {});
    await expect(findOffer(other, "new")).rejects.toThrow("is not for sale");
    await one.execute(product, productIdOf(context.commandId), "Publish", {}, by());
    expect((await findOffer(other, "new")).price.amount).toBe(500);
  });

  test("a look as of a time before the last one reads nothing; a look as of now sees what another has written", async () => {
    const log = await temporaryLog();
    const [one, other] = [counted(log), counted(log)];
    const [writer, reader] = [one, other].map(({ events }) => new Engine({ events, codec: shopCodec }));
    if (!writer || !reader) throw new Error("two engines");
    await writer.execute(stock, "A", "Receive", { quantity: 1 }, by());
    const asOf = performance.now();
    const onHand = (since?: number) => reader.read(stock, "A", (state) => state.onHand, since);
    expect(await onHand(asOf)).toBe(1);
    await writer.execute(stock, "A", "Receive", { quantity: 1 }, by());
    const before = other.read();
    expect([await onHand(asOf), other.read()]).toEqual([1, before]);
    expect(await onHand()).toBe(2);
  });

  test("what one has cancelled, another does not confirm, ship or keep", async () => {
    const log = await temporaryLog();
    const [one, other] = [1, 2].map(() => createShop({ events: shared(log) }));
    if (!one || !other) throw new Error("two shops");
    await one.receive("A", 1);
    const { orderId } = await one.checkOut([{ sku: "A" }], { method: "cod" });
    expect(await other.engine.read(order, orderId, ({ phase }) => phase)).toBe("placed");
    await one.engine.execute(order, orderId, "Cancel", { cancelId: "x-1", reason: "r" }, by());
    const ship = { shipmentId: "s-1" };
    await expect(other.engine.execute(order, orderId, "Ship", ship, by())).rejects.toMatchObject({
      code: "illegal_transition",
    });
  });

  test("four of them reserve one SKU to the last piece, and not one more", async () => {
    const log = await temporaryLog();
    const engines = [1, 2, 3, 4].map(() => new Engine({ events: shared(log), codec: shopCodec }));
    await engines[0]?.execute(stock, "A", "Receive", { quantity: 700 }, by());
    const reserve = (engine: Engine) => {
      const reservationId = newId();
      const command = { sku: "A", reservationId, quantity: 1, holdMs: 60_000 };
      return engine.execute(stock, "A", "Reserve", command, by());
    };
    const settled = await Promise.allSettled(
      engines.flatMap((engine) => Array.from({ length: 250 }, () => reserve(engine))),
    );
    const refused = settled.flatMap((result) => (result.status === "rejected" ? [result.reason.code] : []));
    expect(refused).toEqual(Array.from({ length: 300 }, () => "out_of_stock"));
    for (const engine of engines) expect(await engine.read(stock, "A", availableOf)).toBe(0);
  });
});

describe("time", () => {
  const clockEvents = { Ticked: event(z.object({ at: z.int() })) };
  const clock = decider({
    category: "clock",
    events: clockEvents,
    initial: () => 0,
    evolve: { Ticked: (_, { at }) => at },
    decide: { Tick: (_, __: object, { now }) => [{ type: "Ticked", data: { at: now } }] },
  });

  test("of a stream never goes back, whatever clock a process has", async () => {
    const log = await temporaryLog();
    const codec = createCodec(clockEvents);
    const ahead = new Engine({ events: shared(log), codec });
    const behind = new Engine({ events: shared(log), codec });
    await ahead.execute(clock, "1", "Tick", {}, { ...by(), now: 5_000 });
    await behind.execute(clock, "1", "Tick", {}, { ...by(), now: 1_000 });
    const { events } = await log.readStream("clock-1", { maxCount: 10 });
    expect(events.map(({ time, data }) => [time, data])).toEqual([
      [5_000, { at: 5_000 }],
      [5_000, { at: 5_000 }],
    ]);
  });
});
