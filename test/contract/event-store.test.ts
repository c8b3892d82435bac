import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import { openReadAhead } from "../../src/stores/event-store/eventstoredb/read-ahead/log.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { type EventStorePlace, eventStoreContract } from "./event-store.contract.ts";

for (const threaded of [false, true])
  eventStoreContract({
    name: threaded ? "embedded, written by a thread" : "embedded",
    async create() {
      const directory = await mkdtemp(join(tmpdir(), "cartwright-log-"));
      return placeOf(
        async () => openEmbeddedEventStore({ directory, threaded }),
        () => rm(directory, { recursive: true }),
      );
    },
  });

eventStoreContract({
  name: "EventStoreDB, a double",
  async create() {
    const double = await EventStoreDouble.start();
    return placeOf(
      () => openEventStoreDb({ url: double.url }),
      async () => double.close(),
    );
  },
});

eventStoreContract({
  name: "EventStoreDB, a double that is read ahead",
  async create() {
    const double = await EventStoreDouble.start();
    return placeOf(
      async () => openReadAhead(await openEventStoreDb({ url: double.url }), double.url),
      async () => double.close(),
    );
  },
});

const url = process.env.EVENTSTOREDB_URL;
if (url !== undefined) {
  eventStoreContract({
    name: "EventStoreDB, a server",
    create: async () =>
      placeOf(
        () => openEventStoreDb({ url }),
        async () => {},
      ),
  });
} else {
  describe("event store: EventStoreDB, a server", () => {
    test.skip("is not tried: EVENTSTOREDB_URL names none", () => {});
  });
}

function placeOf(open: () => Promise<EventStore>, remove: () => Promise<void>): EventStorePlace {
  const opened: EventStore[] = [];
  return {
    async open() {
      const store = await open();
      opened.push(store);
      return store;
    },
    async remove() {
      for (const store of opened) await store.close();
      await remove();
    },
  };
}
