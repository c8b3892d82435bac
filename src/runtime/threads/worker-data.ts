import pino, { type Logger } from "pino";
import { shopEvents } from "../../../commands/events.ts";
import { viewProjections } from "../../../projections/all.ts";
import { type Codec, createCodec } from "../../engine/codec.ts";
import type { AnyProjection } from "../../engine/projection.ts";
import {
  type BackendRole,
  type BackendsConfig,
  type OpenLog,
  type OpenViews,
  openLog,
  openViews,
} from "../../stores/backends.ts";

/** What a worker thread needs to open the stores for itself. */
export interface WorkerData {
  stores: BackendsConfig;
  /** Of the log that the stores are of. */
  logId: string;
  timeZone: string;
  currency: string;
  logLevel: string;
}

export interface ProjectionWorkerData extends WorkerData {
  /** One process of several projects at a time. */
  takesLease: boolean;
  /** Changes, with a notification, when the log has grown. */
  news: Int32Array<SharedArrayBuffer>;
}

export interface WorkerStores extends OpenViews {
  codec: Codec;
  projections: readonly AnyProjection[];
  log: Logger;
}

/** @param role what the thread opens them for */
export async function openWorkerStores(
  data: WorkerData,
  name: string,
  role: BackendRole = "projections",
): Promise<WorkerStores> {
  return {
    ...(await openViews(data.stores, data.logId, role)),
    codec: createCodec(shopEvents),
    projections: viewProjections(data),
    log: pino({ level: data.logLevel, base: { worker: name } }, pino.destination({ fd: 2, sync: true })),
  };
}

/** The log, for a thread that reads it. */
export function openWorkerLog(data: WorkerData): Promise<OpenLog> {
  return openLog(data.stores, "projections");
}
