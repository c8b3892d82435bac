import pino, { type Logger } from "pino";
import { shopEvents } from "../../../commands/events.ts";
import { viewProjections } from "../../../projections/all.ts";
import { type Codec, createCodec } from "../../engine/codec.ts";
import type { AnyProjection } from "../../engine/projection.ts";
import { type BackendRole, openBackends } from "../../stores/backends.ts";
import type { EmbeddedEventStore } from "../../stores/event-store/embedded/log.ts";
import type { ViewStore } from "../../stores/view-store/view-store.ts";

/** What a worker thread needs to open the stores for itself. */
export interface WorkerData {
  dataDir: string;
  timeZone: string;
  currency: string;
  logLevel: string;
}

export interface ProjectionWorkerData extends WorkerData {
  /** Changes, with a notification, when the log has grown. */
  news: Int32Array<SharedArrayBuffer>;
}

export interface WorkerStores {
  events: EmbeddedEventStore;
  views: ViewStore;
  codec: Codec;
  projections: readonly AnyProjection[];
  log: Logger;
}

/** @param role what the thread opens them for */
export function openWorkerStores(
  data: WorkerData,
  name: string,
  role: BackendRole = "projections",
): WorkerStores {
  const { events, openViews } = openBackends(data, role);
  return {
    events,
    views: openViews(),
    codec: createCodec(shopEvents),
    projections: viewProjections(data),
    log: pino({ level: data.logLevel, base: { worker: name } }, pino.destination({ fd: 2, sync: true })),
  };
}
