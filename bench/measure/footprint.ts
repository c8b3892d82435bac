import { setTimeout as sleep } from "node:timers/promises";
import { withBare } from "../support/bare.ts";
import { type BenchOptions, cost, type Measurement, mebibyte, percentile } from "../support/measurement.ts";
import { type ShopServer, withServer } from "../support/shop.ts";

const full = { starts: 7, idleMs: 5_000 };
const quick = { starts: 2, idleMs: 1_000 };
const ceilingIs = "bare fastify with zod";

/** What the server takes when it has nothing to do: time to start, and memory. */
export async function measureFootprint(options: BenchOptions): Promise<Measurement[]> {
  const { starts, idleMs } = options.quick ? quick : full;
  options.say("starting on an empty folder");
  const ours: { startMs: number; bytes: number }[] = [];
  const bare: typeof ours = [];
  for (let start = 0; start < starts; start++) {
    ours.push(
      await withServer(undefined, async ({ startMs, rssBytes }) => {
        await sleep(idleMs);
        return { startMs, bytes: await rssBytes() };
      }),
    );
    bare.push(
      await withBare(async ({ startMs, rssBytes }) => {
        await sleep(idleMs);
        return { startMs, bytes: await rssBytes() };
      }),
    );
  }
  const fastest = (of: typeof ours) => Math.min(...of.map(({ startMs }) => startMs));
  const medianMiB = (of: typeof ours) =>
    percentile(
      of.map(({ bytes }) => bytes / mebibyte),
      0.5,
    );
  return [
    cost({
      name: "start to first answer, empty folder",
      value: fastest(ours),
      unit: "ms",
      ceiling: fastest(bare),
      ceilingIs,
      note: `fastest of ${starts}`,
    }),
    cost({
      name: "memory, idle on an empty folder",
      value: medianMiB(ours),
      unit: "MiB RSS",
      ceiling: medianMiB(bare),
      ceilingIs,
    }),
  ];
}

/** The memory of a server when it has done everything that was asked of it. */
export async function measureMemoryAfter(server: ShopServer, idleBytes: number): Promise<Measurement> {
  const events = await server.caughtUp();
  return cost({
    name: "memory, after the load",
    value: (await server.rssBytes()) / mebibyte,
    unit: "MiB RSS",
    ceiling: idleBytes / mebibyte,
    ceilingIs: "this server before the load",
    note: `after ${events} events`,
  });
}
