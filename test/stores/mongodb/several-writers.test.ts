import { describe, expect, onTestFinished, test } from "vitest";
import { Fold, projectable } from "../../../src/engine/read/fold.ts";
import type { EventStore, Position, RecordedEvent } from "../../../src/stores/event-store/event-store.ts";
import { openMongoViewStore } from "../../../src/stores/view-store/mongodb/store.ts";
import {
  documentsOf,
  type StoredDocument,
  type ViewModel,
} from "../../../src/stores/view-store/view-store.ts";
import { countingCodec as codec, countingProjection, createScribe } from "../../support/counting.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { wireTo } from "../../support/mongodb-wire.ts";
import { temporaryLog, temporaryViews } from "../../support/stores.ts";

const mongo = await mongoForTests();

const eventsPerRound = 300;
const startsPerWriter = 6;
const pageEventsMax = 40;
/** Of the writes of one writer: so many are its last ones, and so many others get no answer. */
const dieOneIn = 15;
const breakOneIn = 12;
const projection = countingProjection();

type Dice = (sides: number) => number;

/** https://en.wikipedia.org/wiki/Linear_congruential_generator */
function createDice(seed: number): Dice {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

async function writeLog(log: EventStore, dice: Dice): Promise<void> {
  const write = createScribe(log);
  for (let n = 0; n < eventsPerRound; n++) {
    const id = `id-${dice(8)}`;
    const kind = dice(10);
    if (kind === 0) await write(id, "Deleted");
    else if (kind < 3) await write(id, "Linked", { to: `#${dice(3)}` });
    else await write(id, "Counted", { by: dice(100) });
  }
}

/** The model for one who may believe that it stands where it once stood. */
function forgetful(model: ViewModel, positions: readonly Position[], dice: Dice): ViewModel {
  return new Proxy(model, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      if (name !== "checkpoint") return value.bind(target);
      return async () => {
        const known = await target.checkpoint();
        const old = positions[dice(positions.length)] ?? known;
        return dice(2) === 0 && old < known ? old : known;
      };
    },
  });
}

/** Follows the log to its end, as a projector does that is not the only one. */
async function follow(events: EventStore, model: ViewModel, pageMax: () => number) {
  const fold = await Fold.open({ projection, model, codec, isShared: true });
  for (;;) {
    const page = await events.readAll({ after: fold.checkpoint, types: fold.types, maxCount: pageMax() });
    if (page.scannedTo <= fold.checkpoint) return;
    await fold.project(projectable(page.events, codec), page.scannedTo, page.scannedEvents);
  }
}

async function contentOf(model: ViewModel): Promise<StoredDocument[]> {
  const documents: StoredDocument[] = [];
  for await (const document of documentsOf(model)) documents.push(document);
  return documents;
}

if ("reason" in mongo) describe("several writers of one model", () => test.skip(mongo.reason, () => {}));
else
  describe("several writers of one model", () => {
    test.each([
      [2, 1],
      [3, 2],
      [4, 3],
      [4, 4],
    ])(
      "%i of them that stop anywhere and start from old checkpoints leave what the log amounts to (seed %i)",
      async (writers, seed) => {
        const dice = createDice(seed);
        const log = await temporaryLog();
        await writeLog(log, dice);
        const page = await log.readAll({ after: "", maxCount: 10_000 });
        const positions = page.events.map(({ position }: RecordedEvent) => position);
        const database = mongo.database();
        const openOn = async (url: string) => {
          const store = await openMongoViewStore({ url, database, logId: log.logId });
          onTestFinished(() => store.close());
          return store.open(projection);
        };
        const model = await openOn(mongo.url);

        let deaths = 0;
        let overtaken = 0;
        const write = async (): Promise<void> => {
          const wire = await wireTo(mongo.url);
          const own = await openOn(wire.url);
          const watched = forgetful(
            watch(own, (keys) => (overtaken += keys)),
            positions,
            dice,
          );
          let isDead = false;
          wire.decide = ({ name }) => {
            if (name !== "insert" && name !== "update") return "pass";
            if (isDead) return "cut";
            isDead = dice(dieOneIn) === 0;
            return dice(breakOneIn) > 0 ? "pass" : "mute";
          };
          for (let start = 0; start < startsPerWriter; start++) {
            isDead = false;
            await follow(log, watched, () => 1 + dice(pageEventsMax)).catch(() => deaths++);
          }
        };
        await Promise.all(Array.from({ length: writers }, write));
        await follow(log, model, () => pageEventsMax);

        const expected = await (await temporaryViews(log.logId)).open(projection);
        await follow(log, expected, () => 10_000);
        expect(await contentOf(model)).toEqual(await contentOf(expected));
        const ids = Array.from({ length: 8 }, (_, n) => `id-${n}`);
        expect((await model.load(ids)).deleted).toEqual((await expected.load(ids)).deleted);
        expect(await model.checkpoint()).toBe(positions.at(-1));
        // They did die, and get into each other's way.
        expect(deaths).toBeGreaterThan(0);
        expect(overtaken).toBeGreaterThan(0);
      },
      60_000,
    );
  });

function watch(model: ViewModel, onOvertaken: (keys: number) => void): ViewModel {
  return new Proxy(model, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...input: unknown[]) => Promise<unknown>;
      if (name !== "save") return call;
      return async (...input: unknown[]) => {
        const keys = (await call(...input)) as readonly string[];
        onOvertaken(keys.length);
        return keys;
      };
    },
  });
}
