import { buildGenerations } from "/work/main/src/engine/rebuild.ts";
import { openWorkerStores } from "/work/main/src/runtime/worker-data.ts";
const data = { dataDir: "/tmp/full", timeZone: "Europe/London", currency: "GBP", logLevel: "warn" };
const { events, views, codec, projections } = openWorkerStores(data, "x");
const names = ["all"]; const set = process.argv[2]?.split(",") ?? [];
for (const n of names) {
  const t0 = performance.now(); let t1 = 0;
  const built = await buildGenerations({ projections: projections.filter((p) => set.includes(p.name)), events, views, codec, onProgress: () => { t1 = performance.now(); } });
  const t2 = performance.now();
  for (const b of built) { await views.drop(b.model); }
  console.log(n.padEnd(16), "replay", ((t1 - t0) / 1000).toFixed(1), "write", ((t2 - t1) / 1000).toFixed(1), (process.memoryUsage().heapUsed/1e6).toFixed(0)+"MB");
}
