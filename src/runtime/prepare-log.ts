import type { ShopEvents } from "../../commands/events.ts";
import { claimFoldedSku } from "../../commands/processes/skus.ts";
import { upgrade } from "../../commands/upgrade/upgrade.ts";
import type { DataOf } from "../engine/decider.ts";
import type { CommandContext } from "../engine/write/engine.ts";
import { logStart } from "../stores/event-store/event-store.ts";
import { deriveId } from "../values/ids.ts";
import { keepSettings } from "./kept-settings.ts";
import type { Runtime } from "./runtime.ts";

const pageEventsMax = 1_000;
const foldedSkus = "folded-skus";
const types = ["ProductCreated", "VariantAdded"];

/**
 * Keeps the settings on the log, and brings what older versions have left there into the shape of this one, once.
 * A log in a data folder that holds no product yet stays empty, for it may still become another shop's; one that
 * is not to be written stays as it is.
 */
export async function prepareLog(runtime: Runtime): Promise<void> {
  const { engine, embeddedLog, kept, clock } = runtime;
  if (engine.refusal) return;
  if (embeddedLog && !types.some((type) => embeddedLog.knowsType(type))) return;
  await keepSettings(engine, kept, clock());
  if (await engine.read(upgrade, foldedSkus, ({ done }) => done)) return;
  await claimFoldedSkus(runtime);
  await engine.execute(upgrade, foldedSkus, "Finish", {}, contextOf(runtime, foldedSkus, "finish"));
}

/** Version 0.1 claimed SKUs as they were written: they get the claims by which they are found in any spelling. */
async function claimFoldedSkus(runtime: Runtime): Promise<void> {
  const { events, codec, engine, log } = runtime;
  let claimed = 0;
  for (let after = logStart; ; ) {
    const page = await events.readAll({ after, types, maxCount: pageEventsMax });
    for (const recorded of page.events) {
      const productId = recorded.stream.slice(recorded.stream.indexOf("-") + 1);
      for (const sku of skusOf(recorded.type, codec.decode(recorded)))
        if (await claimFoldedSku(engine, sku, productId, contextOf(runtime, foldedSkus, sku))) claimed++;
    }
    if (page.scannedTo === after) break;
    after = page.scannedTo;
  }
  if (claimed > 0) log.info({ claimed }, "SKUs of an older version are found in any spelling now");
}

function skusOf(type: string, data: unknown): string[] {
  if (type === "VariantAdded") return [(data as DataOf<ShopEvents, "VariantAdded">).variant.sku];
  return (data as DataOf<ShopEvents, "ProductCreated">).variants.map(({ sku }) => sku);
}

function contextOf({ clock }: Runtime, ...names: string[]): CommandContext {
  const correlationId = `upgrade-${names[0]}`;
  return { actor: "system:upgrade", correlationId, now: clock(), commandId: deriveId("upgrade", ...names) };
}
