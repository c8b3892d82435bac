import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stock } from "../../../commands/stock/stock.ts";
import { shopSettings } from "../../support/shop.ts";
import { checkAtTheEnd, checkNow } from "./checks.ts";
import { type ActionName, type Asked, askedArbitrary, finish, workOf } from "./steps.ts";
import { World } from "./world.ts";

const runs = Number(process.env.TOGETHER_RUNS ?? (process.env.CI ? 10_000 : 1_000));
const runsMsMax = 300_000;
const happeningsMax = 30;

const lineArbitrary = fc.record({
  sku: fc.constantFrom("A", "B"),
  quantity: fc.integer({ min: 1, max: 3 }),
  unitPrice: fc.oneof(fc.integer({ min: 1, max: 1_500 }), fc.constant(0)),
});

const boughtArbitrary = fc.record({
  lines: fc.array(lineArbitrary, { minLength: 1, maxLength: 2 }),
  method: fc.constantFrom(...(["credit_card", "credit_card", "bank_transfer", "cod"] as const)),
  token: fc.constantFrom("ok", "ok", "ok", "single", "action", "declined"),
  shipping: fc.constantFrom(500, 0),
});

const settingsArbitrary = fc.record({
  capture: fc.constantFrom("checkout" as const, "shipment" as const),
  refundApprovalFrom: fc.constantFrom(0, 0, 1_000),
  returnApproval: fc.constantFrom("auto" as const, "staff" as const),
  transferMs: fc.constantFrom(shopSettings.transferMs, 0),
  tax: fc.record({
    rateBp: fc.constantFrom(0, 1_900),
    included: fc.boolean(),
    per: fc.constantFrom("line" as const, "total" as const),
    rounding: fc.constant("half_up" as const),
  }),
});

interface Happening {
  asked: Asked;
  /** It is interrupted after so many calls, by this, or for ever. */
  interrupted: { after: number; by: Asked | undefined } | undefined;
  isSilent: boolean;
}

const happeningArbitrary: fc.Arbitrary<Happening> = fc.record({
  asked: askedArbitrary,
  interrupted: fc.option(
    fc.record({ after: fc.nat(15), by: fc.option(askedArbitrary, { nil: undefined }) }),
    { nil: undefined, freq: 2 },
  ),
  isSilent: fc.oneof(
    { weight: 7, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

const history = fc.record({
  settings: settingsArbitrary,
  onHand: fc.integer({ min: 0, max: 12 }),
  backorders: fc.boolean(),
  bought: fc.array(boughtArbitrary, { minLength: 1, maxLength: 2 }),
  /** How far they have come when things begin to happen. */
  reached: fc.nat(5),
  /** What the gateway refuses first. */
  refuses: fc.constantFrom(undefined, undefined, undefined, "capture" as const, "refund" as const),
  happenings: fc.array(happeningArbitrary, { maxLength: happeningsMax, size: "max" }),
});
type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

const skus = ["A", "B"];
const usual = { pick: 0, which: 0, id: 1, lineId: 1, quantity: 1, amount: 1, all: true, yes: true, some: 0 };

/** From the shelf to the customer, and back. */
const way: readonly (readonly [ActionName, Partial<Asked["args"]>])[] = [
  ["ship", {}],
  ["deliver", {}],
  ["announce", { all: false }],
  ["judgeReturn", { some: 1 }],
  ["receive", { all: false, yes: false }],
];

async function opened({ settings, onHand, backorders, bought, reached, refuses }: History): Promise<World> {
  const world = new World({ ...shopSettings, ...settings }, skus);
  if (refuses) world.gateway.next(refuses, "refused");
  for (const sku of skus)
    await world.run(async ({ engine }, { clock, ...who }) => {
      const context = { ...who, now: clock() };
      await engine.execute(stock, sku, "SetPolicy", { backorders }, { ...context, commandId: "policy" });
      if (onHand > 0) await engine.execute(stock, sku, "Receive", { quantity: onHand }, context);
      else await engine.execute(stock, sku, "Count", { counted: 0 }, context);
    });
  for (const [index, { lines, ...options }] of bought.entries()) {
    await world.buy(`c-${index}`, lines, options);
    for (const [name, args] of [["checkOut", {}] as const, ...way.slice(0, reached)])
      await world.run(workOf(world, { name, args: { ...usual, which: index, ...args } }));
  }
  return world;
}

/** Event types that have occurred, over all runs. */
const happened = new Set<string>();

async function play(history: History): Promise<void> {
  const world = await opened(history);
  const { happenings } = history;
  for (const { asked, interrupted, isSilent } of happenings) {
    world.now += 1_000;
    const { after = 0, by } = interrupted ?? {};
    const interruption = interrupted && { after, meanwhile: by && workOf(world, by) };
    await world.run(workOf(world, asked), interruption, isSilent);
    checkNow(world);
  }
  await finish(world);
  checkNow(world);
  checkAtTheEnd(world);
  for (const { type } of world.streams.log) happened.add(type);
}

const onlyOne = { ...usual, amount: 1, all: false, yes: false };

/** What a bank takes back of a payment that was added is open again, and the payment has nothing left to capture. */
const addedAndDisputed: History = {
  settings: {
    capture: "checkout",
    refundApprovalFrom: 0,
    returnApproval: "auto",
    transferMs: 7 * 86_400_000,
    tax: { rateBp: 0, included: false, per: "line", rounding: "half_up" },
  },
  onHand: 0,
  backorders: true,
  bought: [
    { lines: [{ sku: "A", quantity: 1, unitPrice: 1 }], method: "bank_transfer", token: "ok", shipping: 500 },
    { lines: [{ sku: "A", quantity: 1, unitPrice: 0 }], method: "credit_card", token: "ok", shipping: 500 },
  ],
  reached: 0,
  refuses: undefined,
  happenings: (["pay", "dispute", "endDispute"] as const).map((name) => ({
    asked: { name, args: { ...onlyOne, pick: name === "dispute" ? 3 : 0 } },
    interrupted: undefined,
    isSilent: false,
  })),
};

const mustHappen = [
  ...["OrderRefused", "OrderCancelled", "LinesCancelled", "OrderCredited", "OrderRefunded", "PaymentAdded"],
  ...["DeliveryFailed", "ReturnReceived", "ReturnInspected", "StockReturned"],
  ...["CaptureFailed", "AuthorizationReleased", "PaymentOrphaned", "ChargebackReceived", "ClaimShrunk"],
  ...["BackorderQueued", "BackorderFilled", "ReservationExpired", "OrderTold", "VoidRequested"],
];

describe("whatever happens to orders, their payments and stock together", () => {
  test("their books agree, in the deciders, in the read models and with the bank", {
    timeout: runsMsMax,
  }, async () => {
    await fc.assert(fc.asyncProperty(history, play), { numRuns: runs, examples: [[addedAndDisputed]] });
    expect(mustHappen.filter((type) => !happened.has(type))).toEqual([]);
  });
});
