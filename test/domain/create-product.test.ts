import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ClaimKind, claim, claimEvents, claimId } from "../../commands/claim/claim.ts";
import * as listing from "../../commands/processes/listing.ts";
import { staleClaimMs } from "../../commands/processes/listing.ts";
import type { NewProduct } from "../../commands/product/fields.ts";
import { type ProductState, productEvents } from "../../commands/product/product.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { type CommandContext, Engine } from "../../src/engine/write/engine.ts";
import {
  type EmbeddedEventStore,
  openEmbeddedEventStore,
} from "../../src/stores/event-store/embedded/log.ts";
import { type EventStore, logStart, StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { deriveId } from "../../src/values/ids.ts";
import { foldSku } from "../../src/values/sku.ts";

const start = 1_700_000_000_000;
let directory: string;
let events: EmbeddedEventStore;
let engine: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cartwright-product-"));
  events = openEmbeddedEventStore({ directory });
  engine = engineOn(events);
});

afterEach(async () => {
  await events.close();
  await rm(directory, { recursive: true, force: true });
});

function engineOn(store: EventStore): Engine {
  return new Engine({ events: store, codec: createCodec(claimEvents, productEvents) });
}

type Create = Parameters<typeof listing.createProduct>;
type Add = Parameters<typeof listing.addVariants>;
type Describe = Parameters<typeof listing.describeProduct>;

const summary = (state: ProductState) => {
  if (!state.exists) throw new Error("there is no product after its command");
  return { slug: state.slug, status: state.status };
};
const createProduct = async (engine: Engine, context: CommandContext, fields: Create[2]) => {
  const outcome = await listing.createProduct(engine, context, fields, summary);
  return { ...outcome, result: { id: listing.productIdOf(context.commandId), ...outcome.result } };
};
const addVariants = (engine: Engine, context: CommandContext, id: string, variants: Add[3]) =>
  listing.addVariants(engine, context, id, variants, summary);
const describeProduct = (engine: Engine, context: CommandContext, id: string, changes: Describe[3]) =>
  listing.describeProduct(engine, context, id, changes, summary);

/** An engine on the same log that runs `before` ahead of each append. */
function engineWith(before: (stream: string, types: string[]) => Promise<void>): Engine {
  const hooked: EventStore = {
    logId: events.logId,
    soleWriter: events.soleWriter,
    readStream: (stream, options) => events.readStream(stream, options),
    readAll: (options) => events.readAll(options),
    subscribe: (options) => events.subscribe(options),
    head: () => events.head(),
    eventIdAt: (position) => events.eventIdAt(position),
    progressOf: (position, target) => events.progressOf(position, target),
    countBetween: (after, upTo) => events.countBetween(after, upTo),
    close: () => events.close(),
    append: async (stream, revision, appended) => {
      await before(
        stream,
        appended.map(({ type }) => type),
      );
      return events.append(stream, revision, appended);
    },
  };
  return engineOn(hooked);
}

/** An engine whose process dies where it would append to a stream of this prefix. */
function engineThatDiesAt(prefix: string): Engine {
  return engineWith(async (stream) => {
    if (stream.startsWith(prefix)) throw new StoreUnavailable("the process died here");
  });
}

function context(commandId: string, now = start): CommandContext {
  return { commandId, now, actor: "staff", correlationId: commandId };
}

function mug(skus: readonly string[], fields: Partial<NewProduct> = {}): NewProduct {
  const variants = skus.map((sku) => ({ sku, price: { amount: 1000, currency: "USD" } }));
  return { name: "Mug", variants, ...fields };
}

const idOf = (commandId: string) => deriveId(commandId, "product");

// A new engine, so that the log is asked and not a cache.
const holderOf = (kind: ClaimKind, value: string) =>
  engineOn(events).read(claim, claimId(kind, kind === "sku" ? foldSku(value) : value), (state) =>
    state.held ? state.holder : undefined,
  );

async function eventCount(): Promise<number> {
  const page = await events.readAll({ after: logStart, maxCount: 1_000 });
  return page.events.length;
}

describe("creating a product", () => {
  test("claims its slug and its SKUs and gives an id that its command determines", async () => {
    const outcome = await createProduct(engine, context("one"), mug(["B", "A"]));
    expect(outcome.result).toEqual({ id: idOf("one"), slug: "mug", status: "draft" });
    expect(await holderOf("slug", "mug")).toBe(idOf("one"));
    expect(await holderOf("sku", "A")).toBe(idOf("one"));
    expect(await holderOf("sku", "B")).toBe(idOf("one"));
    const stream = (await events.readStream(`product-${idOf("one")}`, { maxCount: 10 })).events;
    expect(stream.map(({ type, metadata }) => [type, metadata.commandId])).toEqual([
      ["ProductCreated", listing.createStep("one")],
    ]);
  });

  test("twice by one command gives the same product and no more events, after a restart too", async () => {
    const first = await createProduct(engine, context("one"), mug(["A"]));
    const count = await eventCount();
    for (const again of [engine, engineOn(events)]) {
      const outcome = await createProduct(again, context("one", start + 5), mug(["A"]));
      expect(outcome).toMatchObject({ result: first.result, position: first.position, changed: false });
    }
    expect(await eventCount()).toBe(count);
  });

  test("twice at once by one command makes one product", async () => {
    const outcomes = await Promise.all(
      [engine, engine, engineOn(events), engineOn(events)].map((each) =>
        createProduct(each, context("one"), mug(["A", "B"])),
      ),
    );
    expect(new Set(outcomes.map(({ result }) => result.id)).size).toBe(1);
    expect((await events.readStream(`product-${idOf("one")}`, { maxCount: 10 })).events).toHaveLength(1);
    expect(await holderOf("sku", "A")).toBe(idOf("one"));
  });

  test("of a name that is taken numbers the slug, but not one that was given", async () => {
    await createProduct(engine, context("one"), mug(["A"]));
    const second = await createProduct(engine, context("two"), mug(["B"]));
    const third = await createProduct(engine, context("three"), mug(["C"]));
    expect([second.result.slug, third.result.slug]).toEqual(["mug-2", "mug-3"]);
    await expect(createProduct(engine, context("four"), mug(["D"], { slug: "mug" }))).rejects.toMatchObject({
      code: "already_exists",
      extras: { slug: "mug", holder: idOf("one") },
    });
  });

  test("numbers up to a bound, then takes a slug of its own", async () => {
    const slugs: string[] = [];
    for (let index = 0; index < 21; index++) {
      const outcome = await createProduct(engine, context(`command ${index}`), mug([`SKU ${index}`]));
      slugs.push(outcome.result.slug);
    }
    expect(slugs[19]).toBe("mug-20");
    expect(slugs[20]).toMatch(/^mug-[0-9a-z]{8}$/);
  });

  test("with a SKU that another product has is refused and leaves no claim", async () => {
    await createProduct(engine, context("one"), mug(["B"]));
    const refused = createProduct(engine, context("two", start + 2 * staleClaimMs), mug(["C", "B", "A"]));
    await expect(refused).rejects.toMatchObject({
      code: "already_exists",
      extras: { sku: "B", holder: idOf("one") },
    });
    expect(await holderOf("slug", "mug-2")).toBeUndefined();
    expect(await holderOf("sku", "A")).toBeUndefined();
    expect(await holderOf("sku", "C")).toBeUndefined();
    expect(await holderOf("sku", "B")).toBe(idOf("one"));
  });

  test("by a command that was refused before claims anew what it had released", async () => {
    await createProduct(engine, context("one"), mug(["B"]));
    await expect(createProduct(engine, context("two"), mug(["A", "B"]))).rejects.toThrow();
    const outcome = await createProduct(engine, context("two"), mug(["A"]));
    expect(outcome.result.slug).toBe("mug-2");
    expect(await holderOf("slug", "mug-2")).toBe(idOf("two"));
    expect(await holderOf("sku", "A")).toBe(idOf("two"));
  });

  test("that is not valid claims nothing", async () => {
    await expect(createProduct(engine, context("one"), mug(["A", "A"]))).rejects.toMatchObject({
      code: "validation_failed",
    });
    expect(await eventCount()).toBe(0);
  });

  test.each(["one process", "two processes"])(
    "at once with one SKU in %s lets exactly one win",
    async (where) => {
      const other = where === "one process" ? engine : engineOn(events);
      const results = await Promise.allSettled([
        createProduct(engine, context("one"), mug(["A", "B", "X"], { slug: "one" })),
        createProduct(other, context("two"), mug(["X", "Y"], { slug: "two" })),
      ]);
      const [first] = results;
      expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      const loser = first.status === "rejected" ? ["one", "A", "B"] : ["two", "Y"];
      const [slug = "", ...skus] = loser;
      expect(await holderOf("slug", slug)).toBeUndefined();
      for (const sku of skus) expect(await holderOf("sku", sku)).toBeUndefined();
      expect(await holderOf("sku", "X")).toBe(idOf(first.status === "rejected" ? "two" : "one"));
    },
  );
});

describe("after a crash behind the claims", () => {
  beforeEach(async () => {
    const dying = engineThatDiesAt("product-");
    await expect(createProduct(dying, context("crashed"), mug(["A", "B"]))).rejects.toThrow(StoreUnavailable);
    expect(await holderOf("sku", "A")).toBe(idOf("crashed"));
  });

  test("the same command finishes it", async () => {
    const outcome = await createProduct(engine, context("crashed", start + 1), mug(["A", "B"]));
    expect(outcome.result).toEqual({ id: idOf("crashed"), slug: "mug", status: "draft" });
  });

  test("another product cannot have the SKU while the claim is young", async () => {
    const tooEarly = createProduct(engine, context("later", start + staleClaimMs), mug(["A"]));
    await expect(tooEarly).rejects.toMatchObject({ code: "already_exists", extras: { sku: "A" } });
    expect(await holderOf("slug", "mug-2")).toBeUndefined();
  });

  test("another product takes over slug and SKU once the claim is stale", async () => {
    const now = start + staleClaimMs + 1;
    const outcome = await createProduct(engine, context("later", now), mug(["A"]));
    expect(outcome.result.slug).toBe("mug");
    expect(await holderOf("sku", "A")).toBe(idOf("later"));

    const late = createProduct(engine, context("crashed", now + 2 * staleClaimMs), mug(["A", "B"]));
    await expect(late).rejects.toMatchObject({ code: "already_exists", extras: { sku: "A" } });
    expect(await holderOf("sku", "A")).toBe(idOf("later"));
  });

  test("a second try renews the claims, even if it crashes too", async () => {
    const renewing = engineThatDiesAt("product-");
    const now = start + staleClaimMs;
    await expect(createProduct(renewing, context("crashed", now), mug(["A", "B"]))).rejects.toThrow();
    const other = createProduct(engine, context("other", now + 1), mug(["A"]));
    await expect(other).rejects.toMatchObject({ code: "already_exists" });
  });
});

test("a run that takes so long that its claims may become stale gives up", async () => {
  // Every look at the clock is a second later than the one before.
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    now += staleClaimMs / 10;
    return now;
  });
  try {
    await expect(createProduct(engine, context("slow"), mug(["A"]))).rejects.toMatchObject({
      code: "unavailable",
    });
  } finally {
    clock.mockRestore();
  }
  expect(await holderOf("sku", "A")).toBeUndefined();
  await createProduct(engine, context("slow"), mug(["A"]));
  expect(await holderOf("sku", "A")).toBe(idOf("slow"));
});

describe("a crash at any claim", () => {
  test.each(["claim-slug-mug", "claim-sku-a", "claim-sku-b", "product-"])(
    "at %s is mended",
    async (stream) => {
      const dying = engineThatDiesAt(stream);
      await expect(createProduct(dying, context("one"), mug(["A", "B"]))).rejects.toThrow(StoreUnavailable);
      await createProduct(engine, context("one", start + 1), mug(["A", "B"]));
      for (const sku of ["A", "B"]) expect(await holderOf("sku", sku)).toBe(idOf("one"));
      expect(await holderOf("slug", "mug")).toBe(idOf("one"));
    },
  );
});

describe("adding variants", () => {
  const [extra] = mug(["X"]).variants;
  const variants = extra ? [extra] : [];

  beforeEach(async () => {
    await createProduct(engine, context("one"), mug(["A"]));
    await createProduct(engine, context("two"), mug(["B"]));
  });

  test("claims their SKUs, once", async () => {
    await addVariants(engine, context("add"), idOf("one"), variants);
    expect(await holderOf("sku", "X")).toBe(idOf("one"));
    const count = await eventCount();
    const again = await addVariants(engine, context("add"), idOf("one"), variants);
    expect(again.repeated).toBe(true);
    expect(await eventCount()).toBe(count);
  });

  test("that another product has is refused", async () => {
    await addVariants(engine, context("add"), idOf("one"), variants);
    await expect(addVariants(engine, context("add 2"), idOf("two"), variants)).rejects.toMatchObject({
      code: "already_exists",
      extras: { sku: "X", holder: idOf("one") },
    });
  });

  test("that the product refuses gives their SKUs back, and keeps those it has", async () => {
    const euro = [...mug(["A"]).variants, { sku: "X", price: { amount: 1, currency: "USD" } }].map(
      (variant) => ({
        ...variant,
        price: { amount: 1, currency: "EUR" },
      }),
    );
    await expect(addVariants(engine, context("add"), idOf("one"), euro)).rejects.toMatchObject({
      code: "already_exists",
      extras: { sku: "A" },
    });
    expect(await holderOf("sku", "X")).toBeUndefined();
    expect(await holderOf("sku", "A")).toBe(idOf("one"));
  });

  test("that are refused leaves the claim to another run for the same product", async () => {
    await addVariants(engine, context("add"), idOf("two"), mug(["Y"]).variants);
    const refusing = engineWith(async (stream, types) => {
      if (stream === "claim-sku-x" && types.includes("ClaimReleased"))
        await addVariants(engine, context("meanwhile"), idOf("one"), variants);
    });
    const both = mug(["X", "Y"]).variants;
    await expect(addVariants(refusing, context("both"), idOf("one"), both)).rejects.toMatchObject({
      code: "already_exists",
      extras: { sku: "Y" },
    });
    expect(await holderOf("sku", "X")).toBe(idOf("one"));
  });

  test("at a revision that has passed is refused and claims nothing", async () => {
    const at = { ...context("add"), expectedRevision: 7 };
    await expect(addVariants(engine, at, idOf("one"), variants)).rejects.toMatchObject({
      code: "revision_mismatch",
    });
    expect(await holderOf("sku", "X")).toBeUndefined();
  });

  test("to a product that is not there is refused", async () => {
    await expect(addVariants(engine, context("add"), "nothing", variants)).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("describing a product with another slug", () => {
  test("claims it, and leaves the old one to whoever comes later", async () => {
    await createProduct(engine, context("one"), mug(["A"]));
    const outcome = await describeProduct(engine, context("describe"), idOf("one"), {
      slug: "cup",
      name: "Cup",
    });
    expect(outcome.result.slug).toBe("cup");

    const early = createProduct(engine, context("two"), mug(["B"], { slug: "mug" }));
    await expect(early).rejects.toMatchObject({ code: "already_exists", extras: { slug: "mug" } });
    const now = start + staleClaimMs + 1;
    await createProduct(engine, context("three", now), mug(["B"], { slug: "mug" }));
    expect(await holderOf("slug", "mug")).toBe(idOf("three"));

    const back = describeProduct(engine, context("back", now), idOf("one"), { slug: "mug" });
    await expect(back).rejects.toMatchObject({ code: "already_exists", extras: { slug: "mug" } });
  });
});
