import { join } from "node:path";
import { type EmbeddedEventStore, openEmbeddedEventStore } from "./event-store/embedded/log.ts";
import { createEmbeddedHotStore } from "./hot-store/embedded/hot.ts";
import type { HotStore } from "./hot-store/hot-store.ts";
import { openEmbeddedViewStore } from "./view-store/embedded/store.ts";
import type { ViewStore } from "./view-store/view-store.ts";

/** Where the embedded stores of a shop are. */
export interface BackendsConfig {
  dataDir: string;
}

/**
 * What a thread or a process opens the stores for: to write the log and read the models (`commands`), to read the
 * log and write the models (`projections`), or to look at both and change nothing (`reading`).
 */
export type BackendRole = "commands" | "projections" | "reading";

export interface Backends {
  events: EmbeddedEventStore;
  /** Opened when it is asked for: readers wait until the projecting thread has made what is missing. */
  openViews(): ViewStore;
  openHot(): HotStore;
}

/**
 * Opens the stores: the one place that knows which backends they are.
 * @throws StoreDamaged
 */
export function openBackends({ dataDir }: BackendsConfig, role: BackendRole): Backends {
  const events = openEmbeddedEventStore({ directory: dataDir, readOnly: role !== "commands" });
  return {
    events,
    openViews: () =>
      openEmbeddedViewStore({
        directory: viewsFolder(dataDir),
        logId: events.logId,
        readOnly: role !== "projections",
      }),
    openHot: () => createEmbeddedHotStore(),
  };
}

/** Where the read models of a data folder are, whether there are any yet or not. */
export function viewsFolder(dataDir: string): string {
  return join(dataDir, "views");
}
