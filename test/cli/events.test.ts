import { expect, test } from "vitest";
import { cli, contentsOf, filledFolder } from "./cli.ts";

interface Listed {
  stream: string;
  events: { position: number; revision: number; time: string; metadata: { time: number } }[];
}

test("events prints a stream of any length with its metadata, oldest first", async () => {
  const folder = await filledFolder({ receipts: 1_200 });
  const settings = { DATA_DIR: folder };
  const stored = (await contentsOf(folder)) as { stream: string }[];
  const all = await cli(["events", "stock-MUG-01", "--json"], settings);
  expect(all).toMatchObject({ code: 0, stderr: "" });
  const { stream, events } = JSON.parse(all.stdout) as Listed;
  expect(stream).toBe("stock-MUG-01");
  expect(events).toHaveLength(1_202);
  expect(
    events.map(({ position: _, time, ...event }) => ({ ...event, stream, time: Date.parse(time) })),
  ).toEqual(stored.filter((event) => event.stream === stream));

  const some = await cli(["events", "stock-MUG-01", "--json", "--from", "3", "--limit", "700"], settings);
  const part = JSON.parse(some.stdout) as Listed;
  expect(part.events).toEqual(events.slice(3, 703));

  const text = await cli(["events", "stock-MUG-01", "--limit", "1"], settings);
  expect(text.stdout).toMatch(/^0 {2}\d{4}-\d\d-\d\dT.*Z {2}StockReceived\n/);
  expect(text.stdout).toContain('data      {"quantity":200');
  expect(text.stdout).toContain('"actor":"system:sample-shop"');
});

test("events of a stream behind its end are none, and of a stream that is not there an error", async () => {
  const settings = { DATA_DIR: await filledFolder() };
  const behind = await cli(["events", "stock-MUG-01", "--json", "--from", "99"], settings);
  expect(behind.code).toBe(0);
  expect(JSON.parse(behind.stdout)).toEqual({ stream: "stock-MUG-01", events: [] });
  const missing = await cli(["events", "stock-CUP-01"], settings);
  expect(missing).toEqual({ code: 1, stdout: "", stderr: "there is no stream stock-CUP-01\n" });
});
