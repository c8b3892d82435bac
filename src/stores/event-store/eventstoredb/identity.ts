import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../../../values/ids.ts";
import {
  noStream,
  OutcomeUnknown,
  RevisionConflict,
  StoreDamaged,
  StoreUnavailable,
} from "../event-store.ts";
import type { Appender } from "./append.ts";
import type { LogReader } from "./read.ts";
import { identityStream } from "./recorded.ts";

const pauseMs = 100;
const pauseMsMax = 2_000;

/**
 * The id of the log, which stands in the log itself and so is lost and kept with it. Who comes first gives it;
 * who loses that race reads the winner's.
 *
 * @param until milliseconds as of performance.now()
 * @throws StoreUnavailable when the server has not answered until then
 */
export async function readLogId(reader: LogReader, appender: Appender, until: number): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      const found = await reader.identity();
      if (found !== undefined) return idOf(found);
      const logId = newId();
      const metadata = { time: Date.now(), commandId: logId, correlationId: logId, actor: "system" };
      const event = { id: newId(), type: "LogIdentified", data: JSON.stringify({ logId }), metadata };
      await appender.append(identityStream, noStream, [event]);
      return logId;
    } catch (error) {
      // The winner's may not be replicated yet; and an append of an unknown outcome is told by the next read.
      const passes =
        error instanceof RevisionConflict ||
        error instanceof OutcomeUnknown ||
        error instanceof StoreUnavailable;
      if (!passes) throw error;
      if (performance.now() >= until)
        throw new StoreUnavailable(`the log cannot be opened: ${error.message}`, { cause: error });
      await sleep(Math.min(pauseMs * 2 ** tries, pauseMsMax) * (0.5 + Math.random() / 2));
    }
  }
}

function idOf(data: unknown): string {
  if (typeof data === "object" && data !== null && "logId" in data && typeof data.logId === "string")
    return data.logId;
  throw new StoreDamaged(`${identityStream} does not hold the id of a log`);
}
