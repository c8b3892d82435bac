import pino from "pino";
import { readConfig } from "./src/config.ts";
import { buildApp } from "./src/http/app.ts";
import { openRuntime } from "./src/runtime/runtime.ts";
import { createProduct } from "./commands/product/create-product.ts";
import { product } from "./commands/product/product.ts";
import { newId } from "./src/ids.ts";
const config = readConfig({ DATA_DIR: "/tmp/b/data", LOG_LEVEL: "warn", SAMPLE_SHOP: "off", RATE_LIMIT_PER_MINUTE: process.env["RL"] ?? "0" });
const runtime = await openRuntime({ config, log: pino({ level: "warn" }) });
const ctx = () => ({ commandId: newId(), now: Date.now(), actor: "x", correlationId: "x" });
if ((await runtime.events.head()) < 0)
  for (let i = 0; i < 100; i++)
    await Promise.all(Array.from({ length: 20 }, async (_, j) => {
      const n = i * 20 + j;
      const { result } = await createProduct(runtime.engine, ctx(), { name: `Product number ${n}`, brand: `b${n % 20}`, category: `c${n % 10}`, tags: ["a", `t${n % 50}`], description: "x ".repeat(200), variants: [{ sku: `S${n}`, price: { amount: 100 + n, currency: "USD" } }] });
      await runtime.engine.execute(product, result.id, "Publish", {}, ctx());
    }));
await runtime.models.caughtUp();
const app = await buildApp(runtime);
await app.listen({ port: 3999 });
console.log("ready"); process.on("SIGTERM", () => process.exit(0));
