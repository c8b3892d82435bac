import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import { eventStoreContract } from "./event-store.contract.ts";

eventStoreContract({
  name: "embedded",
  async create() {
    const directory = await mkdtemp(join(tmpdir(), "cartwright-log-"));
    const opened: EventStore[] = [];
    return {
      open() {
        const store = openEmbeddedEventStore({ directory });
        opened.push(store);
        return store;
      },
      async remove() {
        for (const store of opened) await store.close();
        await rm(directory, { recursive: true });
      },
    };
  },
});
