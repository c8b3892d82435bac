import { expect, test } from "vitest";
import { stories } from "../../src/cli/simulate/stories.ts";
import type { PlayedWeek } from "../../src/cli/simulate/week.ts";
import { cli, temporaryPath } from "./cli.ts";

/** What no other part of the play would leave on the log. */
const mustHappen = [
  ...["CartExpired", "CartAbandoned", "CheckoutFailed", "PaymentActionRequired", "PaymentAdded"],
  ...["PaymentOrphaned", "CaptureFailed", "PaymentVoided", "OrderCancelled", "LinesCancelled", "NoteAdded"],
  ...["DeliveryFailed", "ShipmentReturned", "ReshipmentAgreed", "OrderCredited", "CreditWithdrawn"],
  ...["RefundApproved", "RefundRejected", "RefundFailed", "ChargebackWon", "ChargebackLost"],
  ...["ReturnRejected", "ReturnWithdrawn", "ReturnReceived", "ReturnInspected", "ReturnClosed"],
  ...["StockCounted", "StockShort", "BackorderQueued", "BackorderFilled", "StockRegraded", "StockWrittenOff"],
];

test("a short week has all that happens in a shop, and read models that the log gives again", async () => {
  const DATA_DIR = await temporaryPath("data");
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli([...args, "--json"], { DATA_DIR });
    return { code, told: JSON.parse(stdout), stderr };
  };
  const week = await run("simulate", "week", "--days", "1", "--seed", "11");
  expect(week.code, week.stderr).toBe(0);
  const { played, from, to } = week.told as PlayedWeek;
  expect(Object.keys(played)).toEqual(stories.map(({ name }) => name));
  expect(Object.entries(played).filter(([, count]) => count === 0)).toEqual([]);
  expect(from).toBe(to);

  expect(await run("verify")).toMatchObject({ code: 0, told: { clean: true } });
  const doctor = await run("doctor");
  expect(doctor).toMatchObject({ code: 0, told: { clean: true } });
  expect(Object.keys(doctor.told.log.types)).toEqual(expect.arrayContaining(mustHappen));
  expect(await run("simulate", "week")).toMatchObject({
    code: 1,
    told: { error: expect.stringContaining("the shop has orders") },
  });
});
