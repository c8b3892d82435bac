import { z } from "zod";
import { createCodec } from "../../src/engine/codec.ts";
import { event } from "../../src/engine/decider.ts";
import { type AnyProjection, projectionOf } from "../../src/engine/projection.ts";
import { type EventStore, noStream, type Position } from "../../src/stores/event-store/event-store.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { newId } from "../../src/values/ids.ts";

const events = {
  Counted: event(z.object({ by: z.int() })),
  Linked: event(z.object({ to: z.string() })),
  Deleted: event(z.object({})),
  Broken: event(z.object({})),
  Unreadable: event(z.object({})),
  Large: event(z.object({ text: z.string() })),
  Ignored: event(z.object({ text: z.string() })),
};
type Events = typeof events;

export const countingCodec = createCodec(events);

/** `broken` is what makes a Broken event fail: with it off, the projection's mistake has been put right. */
export interface Mistake {
  broken: boolean;
}

interface Count {
  total: number;
  steps: number;
  to?: string;
  links?: number;
  large?: string;
}

const none = (): Count => ({ total: 0, steps: 0 });

/**
 * A model that counts per stream id, and per thing that ids are linked to (`#` before its name), which follow.
 * Documents change in place, as far as they come: a Broken event fails in the middle.
 */
export function countingProjection(mistake: Mistake = { broken: true }): AnyProjection {
  return projectionOf<Events>()<Count>({
    name: "counts",
    version: 1,
    columns: { total: "number" },
    indexes: [["total"]],
    columnsOf: ({ total }) => ({ total }),
    on: {
      Counted: {
        keys: ({ id }) => id,
        change: (doc = none(), { data }) => {
          doc.total += data.by;
          doc.steps++;
          return doc;
        },
        follow: (doc) => (doc?.to === undefined ? [] : [doc.to]),
        changeFollower: (doc = none(), { data }) => {
          doc.total += data.by;
          doc.steps++;
          return doc;
        },
      },
      Linked: {
        keys: ({ id }) => id,
        change: (doc = none(), { data }) => ({ ...doc, to: data.to }),
        follow: (_, { data }) => [data.to],
        changeFollower: (doc = none()) => ({ ...doc, links: (doc.links ?? 0) + 1 }),
      },
      Deleted: { keys: ({ id }) => id, change: () => undefined },
      Broken: {
        keys: ({ id }) => id,
        change: (doc = none()) => {
          doc.steps++;
          if (mistake.broken) throw new Error("this was not foreseen");
          return doc;
        },
      },
      Unreadable: {
        keys: ({ id }) => {
          if (mistake.broken) throw new Error("it cannot be told whose it is");
          return id;
        },
        change: (doc = none()) => ({ ...doc, total: doc.total + 1_000 }),
      },
      Large: { keys: ({ id }) => id, change: (doc = none(), { data }) => ({ ...doc, large: data.text }) },
    },
  });
}

/** Appends to `count-<id>`; a store of its own keeps the revisions. */
export function createScribe(log: EventStore) {
  const revisions = new Map<string, number>();
  return async (id: string, type: keyof Events, data: object = {}): Promise<Position> => {
    const stream = `count-${id}`;
    const metadata = { time: 1, commandId: "c", correlationId: "c", actor: "test" };
    const appended = { id: newId(), type, data: JSON.stringify(data), metadata };
    const { revision, position } = await log.append(stream, revisions.get(stream) ?? noStream, [appended]);
    revisions.set(stream, revision);
    return position;
  };
}

/** All documents of a model, by key. */
export async function documentsIn(model: ViewModel): Promise<Record<string, unknown>> {
  const documents: Record<string, unknown> = {};
  for (let after: string | undefined; ; ) {
    const page = await model.scan(after, 1_000);
    if (page.length === 0) return documents;
    for (const { key, json } of page) documents[key] = JSON.parse(json);
    after = page.at(-1)?.key;
  }
}

/** A model whose saves and loads are refused while `isAway` says so, some of them after they were made. */
export function unreliable(
  model: ViewModel,
  isAway: (call: "save" | "load", at: "before" | "after") => boolean,
): ViewModel {
  const away = () => new Error("the view store is away");
  return new Proxy(model, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...input: unknown[]) => Promise<unknown>;
      if (name !== "save" && name !== "load") return call;
      return async (...input: unknown[]) => {
        if (isAway(name, "before")) throw away();
        const output = await call(...input);
        if (isAway(name, "after")) throw away();
        return output;
      };
    },
  });
}
