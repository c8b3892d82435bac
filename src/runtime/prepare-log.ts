import type { ShopEvents } from "../../commands/events.ts";
import { ensureBrand, ensureCategory } from "../../commands/processes/groups.ts";
import { isRefusal } from "../../commands/processes/process.ts";
import { claimFoldedSku } from "../../commands/processes/skus.ts";
import { upgrade } from "../../commands/upgrade/upgrade.ts";
import { type DataOf, streamId } from "../engine/decider.ts";
import type { CommandContext } from "../engine/write/engine.ts";
import { logStart, type RecordedEvent } from "../stores/event-store/event-store.ts";
import { deriveId } from "../values/ids.ts";
import { keepSettings } from "./kept-settings.ts";
import type { Runtime } from "./runtime.ts";

const pageEventsMax = 1_000;
const refusedShownMax = 20;
const foldedSkus = "folded-skus";
const namedGroups = "named-groups";
const types = ["ProductCreated", "VariantAdded"];
const describing = ["ProductCreated", "ProductDescribed"];

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
  await once(runtime, foldedSkus, claimFoldedSkus);
  await once(runtime, namedGroups, createNamedGroups);
}

async function once(
  runtime: Runtime,
  name: string,
  bringUp: (runtime: Runtime) => Promise<void>,
): Promise<void> {
  const { engine } = runtime;
  if (await engine.read(upgrade, name, ({ done }) => done)) return;
  await bringUp(runtime);
  await engine.execute(upgrade, name, "Finish", {}, contextOf(runtime, name, "finish"));
}

/** Version 0.1 claimed SKUs as they were written: they get the claims by which they are found in any spelling. */
async function claimFoldedSkus(runtime: Runtime): Promise<void> {
  const { codec, engine, log } = runtime;
  let claimed = 0;
  for await (const recorded of eventsOf(runtime, types)) {
    for (const sku of skusOf(recorded.type, codec.decode(recorded)))
      if (await claimFoldedSku(engine, sku, streamId(recorded.stream), contextOf(runtime, foldedSkus, sku)))
        claimed++;
  }
  if (claimed > 0) log.info({ claimed }, "SKUs of an older version are found in any spelling now");
}

/**
 * Products of older versions name their category and brand and have no id of it: each name becomes one, which they are
 * in from then on, whatever it is called later. What is no name for one, or too much, stays a name that products have.
 */
async function createNamedGroups(runtime: Runtime): Promise<void> {
  const { codec, engine, log } = runtime;
  const seen = new Set<string>();
  const refused: string[] = [];
  const create = async (kind: "category" | "brand", name: string | null | undefined): Promise<void> => {
    if (!name || seen.has(`${kind} ${name}`)) return;
    seen.add(`${kind} ${name}`);
    const context = contextOf(runtime, namedGroups, kind, name);
    try {
      await (kind === "category" ? ensureCategory : ensureBrand)(engine, context, name);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push(`${kind} ${name}`);
    }
  };
  for await (const recorded of eventsOf(runtime, describing)) {
    const data = codec.decode(recorded) as DataOf<ShopEvents, "ProductDescribed">;
    if (data.categoryId === undefined) await create("category", data.category);
    if (data.brandId === undefined) await create("brand", data.brand);
  }
  if (seen.size > 0)
    log.info(
      { names: seen.size, refused: refused.slice(0, refusedShownMax) },
      "categories and brands that products name have a place of their own now",
    );
}

async function* eventsOf({ events }: Runtime, types: readonly string[]): AsyncGenerator<RecordedEvent> {
  for (let after = logStart; ; ) {
    const page = await events.readAll({ after, types, maxCount: pageEventsMax });
    yield* page.events;
    if (page.scannedTo === after) return;
    after = page.scannedTo;
  }
}

function skusOf(type: string, data: unknown): string[] {
  if (type === "VariantAdded") return [(data as DataOf<ShopEvents, "VariantAdded">).variant.sku];
  return (data as DataOf<ShopEvents, "ProductCreated">).variants.map(({ sku }) => sku);
}

function contextOf({ clock }: Runtime, ...names: string[]): CommandContext {
  const correlationId = `upgrade-${names[0]}`;
  return { actor: "system:upgrade", correlationId, now: clock(), commandId: deriveId("upgrade", ...names) };
}
