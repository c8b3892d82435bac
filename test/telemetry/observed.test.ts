import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLog, openViews, type StoreObserver } from "../../src/stores/backends.ts";
import { logStart, noStream, RevisionConflict } from "../../src/stores/event-store/event-store.ts";
import { InvalidCursor, type ModelSpec } from "../../src/stores/view-store/view-store.ts";
import { newId } from "../../src/values/ids.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cartwright-observed-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What an observer was told: of calls their outcome, of questions their shape. */
function notes() {
  const called: string[] = [];
  const asked: string[] = [];
  const observer: StoreObserver = {
    called: (store, operation, seconds, outcome) => {
      expect(seconds).toBeGreaterThanOrEqual(0);
      called.push(`${store} ${operation} ${outcome}`);
    },
    asked: (store, operation, _, shape) => asked.push(`${store} ${operation} ${shape()}`),
    retried: () => {},
    pooled: () => {},
    replicated: () => {},
    clocked: () => {},
  };
  return { called, asked, observer };
}

const note = () => ({
  id: newId(),
  type: "Noted",
  data: '{"text":"a secret"}',
  metadata: { time: 1, commandId: newId(), correlationId: "c", actor: "test" },
});

describe("an embedded log that is observed", () => {
  it("tells of each call and what came of it, with the stream's category and never its id", async () => {
    const { called, asked, observer } = notes();
    const { events } = await openLog({ dataDir: folder }, "commands", observer);
    await events.append("order-0815", noStream, [note(), note()]);
    await expect(events.append("order-0815", noStream, [note()])).rejects.toThrow(RevisionConflict);
    expect((await events.readStream("order-0815", { maxCount: 10, backwards: true })).events).toHaveLength(2);
    expect((await events.readAll({ after: logStart, types: ["Noted"], maxCount: 5 })).events).toHaveLength(2);
    await events.close();
    expect(called).toEqual([
      "events append ok",
      "events append conflict",
      "events readStream ok",
      "events readAll ok",
    ]);
    expect(asked).toEqual([
      "events append category order, events 2",
      "events append category order, events 1",
      "events readStream category order, limit 10, backwards",
      "events readAll types 1, limit 5",
    ]);
  });
});

const spec: ModelSpec = {
  name: "notes",
  version: 1,
  columns: { status: "text", at: "number" },
  lists: ["tags"],
  indexes: [["status", "at"]],
};
const document = (key: string) => ({
  key,
  position: "0",
  json: "{}",
  columns: { status: "open", at: 1 },
  lists: { tags: ["secret"] },
});

describe("embedded read models that are observed", () => {
  it("tell of each call with the fields that it asks by, and none of their values", async () => {
    const { called, asked, observer } = notes();
    const { views } = await openViews({ dataDir: folder }, "a-log", "projections", observer);
    const model = await views.open(spec);
    await model.save([document("secret-1")], { checkpoint: "0" });
    await model.find({
      where: [
        { column: "status", in: ["secret", "open"] },
        { column: "at", gte: 1, lt: 815 },
        { column: "tags", has: "secret" },
      ],
      sort: [{ column: "at", descending: true }],
      limit: 20,
    });
    await model.sum({ groupBy: "status", sums: ["at"], sortBy: "at", limit: 5 });
    await model.get("secret-1");
    const badCursor = { limit: 1, after: ["secret", "secret", "secret"] };
    await expect(model.find(badCursor)).rejects.toThrow(InvalidCursor);
    await views.close();
    expect(asked).toEqual([
      "views save notes: documents 1",
      "views find notes: where status in (2) and at gte and at lt and tags has, sort -at, limit 20",
      "views sum notes: sum at by status, sort at, limit 5",
      "views get notes: keys 1",
      "views find notes: limit 1, after a cursor",
    ]);
    expect(called).toEqual([
      "views save ok",
      "views find ok",
      "views sum ok",
      "views get ok",
      "views find invalid",
    ]);
  });

  it("take their generations through building, promotion and the way back", async () => {
    const { views } = await openViews({ dataDir: folder }, "a-log", "projections", notes().observer);
    const first = await views.open(spec);
    expect(await views.open(spec)).toBe(first);
    const next = await views.createGeneration(spec);
    await next.save([document("1")], { checkpoint: "0" });
    await views.seal(next);
    await views.promote(next);
    expect((await views.open(spec)).generation).toBe(next.generation);
    expect(await (await views.open(spec)).count()).toBe(1);
    expect((await views.previous(spec))?.generation).toBe(first.generation);
    expect(await views.rollback(spec.name)).toBe(true);
    const dropped = await views.createGeneration(spec);
    await views.drop(dropped);
    expect((await views.generations()).map(({ generation }) => generation)).not.toContain(dropped.generation);
    await views.close();
  });
});
