import type { Unparked } from "../engine/read/fold.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import type { Position } from "../stores/event-store/event-store.ts";
import type { ParkedDocument } from "../stores/view-store/view-store.ts";
import type { StoredDocuments } from "./threads/projection-worker.ts";

/** What a source of read models tells whoever reads them. */
export interface Told {
  progress(progress: readonly ModelProgress[]): void;
  /** Documents of the catalog were stored. */
  stored(stored: StoredDocuments): void;
  died(error: Error): void;
}

/** Where read models come from: a thread of this process keeps them up to date, or another process does. */
export interface ModelsSource {
  start(): Promise<void>;
  /** The log has grown. */
  appended(): void;
  /** Somebody waits for what is on the log by now. */
  hurry(): void;
  /** @returns where the model stands, stored; undefined where that cannot be said, or it goes on all the same */
  pause(name: string): Promise<Position | undefined>;
  resume(name: string): Promise<void>;
  parked(name: string): Promise<ParkedDocument[]>;
  /** @returns undefined when the key is not parked */
  unpark(name: string, key: string, how: "retry" | "skip"): Promise<Unparked | undefined>;
  stop(): Promise<void>;
}
