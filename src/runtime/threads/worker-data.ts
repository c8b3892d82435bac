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
import { Telemetry } from "../../telemetry/telemetry.ts";
import type { TracingSettings } from "../../telemetry/tracing.ts";
import type { LogNews } from "./news.ts";

/** What a worker thread needs to open the stores for itself. */
export interface WorkerData {
  stores: BackendsConfig;
  /** Of the log that the stores are of. */
  logId: string;
  timeZone: string;
  currency: string;
  logLevel: string;
  /** Where the thread tells what it measures, and from how long on a query is slow. */
  telemetry: { channel: string; slowQueryMs: number };
  tracing: TracingSettings | undefined;
}

export interface ProjectionWorkerData extends WorkerData {
  /** One process of several projects at a time. */
  takesLease: boolean;
  news: LogNews;
}

export interface WorkerStores extends OpenViews {
  codec: Codec;
  projections: readonly AnyProjection[];
  log: Logger;
  telemetry: Telemetry;
}

/** @param role what the thread opens them for */
export async function openWorkerStores(
  data: WorkerData,
  name: string,
  role: BackendRole = "projections",
): Promise<WorkerStores> {
  const telemetry = telemetryOf(data, name);
  return {
    ...(await openViews(data.stores, data.logId, role, telemetry)),
    codec: createCodec(shopEvents),
    projections: viewProjections(data),
    log: logOf(data, name),
    telemetry,
  };
}

/** The log, for a thread that reads it. */
export function openWorkerLog(
  data: WorkerData,
  name: string,
  role: BackendRole = "projections",
): Promise<OpenLog> {
  return openLog(data.stores, role, telemetryOf(data, name));
}

/** A thread has one. */
let ofThread: Telemetry | undefined;

function telemetryOf(data: WorkerData, name: string): Telemetry {
  if (ofThread) return ofThread;
  const { channel, slowQueryMs } = data.telemetry;
  ofThread = new Telemetry({ thread: name, log: logOf(data, name), slowQueryMs });
  ofThread.reportTo(channel);
  return ofThread;
}

function logOf({ logLevel }: WorkerData, name: string): Logger {
  return pino({ level: logLevel, base: { worker: name } }, pino.destination({ fd: 2, sync: true }));
}
