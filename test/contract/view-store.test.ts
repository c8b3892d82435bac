import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import type { ViewStore } from "../../src/stores/view-store/view-store.ts";
import { viewStoreContract } from "./view-store.contract.ts";

viewStoreContract({
  name: "embedded",
  async create() {
    const directory = await mkdtemp(join(tmpdir(), "cartwright-views-"));
    const opened: ViewStore[] = [];
    return {
      open() {
        const store = openEmbeddedViewStore({ directory, logId: "log-1" });
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
