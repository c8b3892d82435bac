import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/values/ids.ts";
import { openShop, openTimeoutMs } from "../http/shop.ts";
import { cli } from "./cli.ts";

test("documents whose event could not be applied are listed, tried again and skipped", {
  timeout: openTimeoutMs,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-parked-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const shop = await openShop({ folder });
  const metadata = { time: Date.now(), commandId: newId(), correlationId: "test", actor: "test" };
  // An event that no decider would have decided.
  await shop.runtime.events.append("stock-BAD", -1, [
    { id: newId(), type: "StockPolicySet", data: "null", metadata },
  ]);
  await shop.caughtUp();
  await shop.close();
  const parked = (...more: string[]) => cli(["parked", ...more], { DATA_DIR: folder });
  const listed = await parked("stock", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { model: "stock", key: "BAD", eventType: "StockPolicySet", reason: expect.stringMatching(/\w/) },
  ]);
  expect((await parked("all")).stdout).toMatch(/^stock BAD: /m);
  expect(await parked("stock", "--retry", "BAD")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("parked again"),
  });
  expect(await parked("stock", "--retry", "NONE")).toMatchObject({ code: 1 });
  expect(await parked("all", "--skip", "BAD")).toMatchObject({ code: 2 });
  expect(await parked("stock", "--skip", "BAD")).toMatchObject({ code: 0 });
  expect(await parked("stock")).toMatchObject({ code: 0, stdout: "Nothing is parked.\n" });
});
