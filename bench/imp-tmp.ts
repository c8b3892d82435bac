import pino from "pino";
import { importOnlineRetail } from "/work/main/src/cli/import/online-retail.ts";
import { readConfig } from "/work/main/src/config.ts";
import { openRuntime } from "/work/main/src/runtime/runtime.ts";

const config = readConfig({
  DATA_DIR: process.argv[2],
  STORE_CURRENCY: "GBP",
  STORE_TIME_ZONE: "Europe/London",
  LOG_LEVEL: "warn",
});
const t0 = performance.now();
const runtime = await openRuntime({ config, followsLog: false, log: pino({ level: "warn" }) });
let last = 0;
let peak = 0;
const summary = await importOnlineRetail(runtime, {
  file: process.argv[3] ?? "/work/shared/data/online-retail-2010-2011.csv.gz",
  rejectsFile: "/tmp/rejects.csv",
  progress: (d, t, w) => {
    const now = performance.now();
    if (now - last > 5000 || w === "projecting") {
      last = now;
      console.log(
        ((now - t0) / 1000).toFixed(1),
        d,
        t,
        w,
        (process.memoryUsage.rss() / 1e6).toFixed(0) + "MB",
        "log",
        runtime.engine.lastPosition,
        runtime.models.names.map((n) => runtime.models.progress(n).position).reduce((a, b) => Math.min(a, b)),
      );
    }
    peak = Math.max(peak, process.memoryUsage.rss());
  },
});
console.log(summary, "peak", (peak / 1e6).toFixed(0));
const m = () => { const u = process.memoryUsage(); return Object.fromEntries(Object.entries(u).map(([k,v])=>[k,Math.round(v/1e6)])); };
console.log("before gc", m()); (globalThis as any).gc?.(); console.log("after gc", m(), "cached", runtime.engine.cachedStreams());
const eng = runtime.engine as any; const gc = (globalThis as any).gc;
console.log("cache", eng.cache.size, eng.cache.calculatedSize);
const by = {} as any; for (const [k, v] of eng.cache.entries()) { const c = k.slice(0, k.indexOf("-")); by[c] ??= [0,0]; by[c][0]++; by[c][1] += v.commands.size; } console.log(by);
eng.cache.clear(); gc?.(); console.log("no cache", m());
(runtime.events as any).heads.clear(); gc?.(); console.log("no heads", m());
await runtime.hot.close(); gc?.(); console.log("no hot", m());
(await import("node:v8")).writeHeapSnapshot("/tmp/h.heapsnapshot");
await runtime.close(); (globalThis as any).gc?.(); console.log("closed", m());
