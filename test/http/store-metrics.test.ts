import { expect, test, vi } from "vitest";
import { type HttpShop, sharedShop } from "./shop.ts";

const shop = sharedShop();

async function metrics({ get }: HttpShop): Promise<string> {
  const { status, text } = await get("/metrics");
  expect(status).toBe(200);
  return text;
}

function countOf(text: string, labels: string): number {
  const line = new RegExp(`^cartwright_store_operation_seconds_count\\{${labels}\\} (\\d+)$`, "m").exec(text);
  return Number(line?.[1] ?? 0);
}

test("an append of a command is in the histogram of its store, in one bucket and all above it", async () => {
  const labels = 'store="events",operation="append",outcome="ok"';
  const before = countOf(await metrics(shop()), labels);
  await shop().stocked("OBSERVED");
  const text = await metrics(shop());
  const count = countOf(text, labels);
  expect(count).toBeGreaterThan(before);
  const buckets = [
    ...text.matchAll(
      new RegExp(`^cartwright_store_operation_seconds_bucket\\{le="([^"]+)",${labels}\\} (\\d+)$`, "gm"),
    ),
  ];
  const counts = buckets.map(([, , value]) => Number(value));
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(buckets.at(-1)?.slice(1)).toEqual(["+Inf", String(count)]);
  expect(buckets.map(([, bound]) => bound)).toEqual(expect.arrayContaining(["0.0001", "0.25", "10"]));
});

test("what the projecting thread and the thread of queries do with the read models is there too", async () => {
  await shop().product({ skus: ["OBSERVED-2"] });
  await shop().caughtUp();
  expect((await shop().get("/v1/products")).status).toBe(200);
  await vi.waitFor(
    async () => {
      const text = await metrics(shop());
      expect(countOf(text, 'store="views",operation="save",outcome="ok"')).toBeGreaterThan(0);
      expect(countOf(text, 'store="views",operation="scan",outcome="ok"')).toBeGreaterThan(0);
      expect(text).toMatch(/^cartwright_projector_active 1$/m);
    },
    { timeout: 5_000, interval: 200 },
  );
});
