import { z } from "zod";
import { logStart, type Position } from "../../stores/event-store/event-store.ts";
import { invalid } from "../problems.ts";
import type { Positions } from "./positions.ts";

const time = z.iso.datetime({ offset: true });

/** From where the log is read on: behind a position, and of that only what has happened by a time or later. */
export interface Since {
  after: Position;
  /** Epoch milliseconds. */
  notBefore?: number;
}

/**
 * What a request means by `from`: a time, which a log has no index of, is looked for from its start on.
 * @throws Problem validation_failed
 */
export function sinceOf(positions: Positions, from: string): Since {
  if (!/^\d{4}-/.test(from)) return { after: positions.opened("from", from) };
  if (!time.safeParse(from).success)
    throw invalid([{ path: "from", message: "a time, such as 2026-01-15T12:00:00Z" }]);
  return { after: logStart, notBefore: Date.parse(from) };
}
