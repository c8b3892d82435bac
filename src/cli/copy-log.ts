import { logStateStream } from "../../commands/log/log-state.ts";
import type { EventStore, Position } from "../stores/event-store/event-store.ts";
import { dataTextOf } from "./compare-logs.ts";
import { OrderedAppends } from "./ordered-appends.ts";

const pageEvents = 2_000;

export interface CopyOptions {
  from: EventStore;
  to: EventStore;
  /** The target holds what the source has up to here, inclusive. */
  after: Position;
  /** Appends that may be unanswered at once. */
  inFlightMax: number;
  /** Called as appends are answered: events copied so far, and the source's position of the last. */
  onCopied: (count: number, position: Position) => void;
}

export interface Copied {
  events: number;
  appends: number;
  /** In the source, of the last event looked at. */
  position: Position;
}

/**
 * Appends what the source holds behind a position to the target, in the source's order and at its revisions, up to
 * the source's end as it is met.
 * @throws Refused when somebody else writes the target, or when appends have landed in another order
 */
export async function copyLog({ from, to, after, inFlightMax, onCopied }: CopyOptions): Promise<Copied> {
  const appends = new OrderedAppends(to, inFlightMax);
  let scannedTo = after;
  for (;;) {
    const page = await from.readAll({ after: scannedTo, maxCount: pageEvents, withMetadata: true });
    if (page.scannedTo <= scannedTo) break;
    scannedTo = page.scannedTo;
    for (const event of page.events) {
      if (event.stream === logStateStream) continue;
      const { stream, revision, id, type, metadata, position } = event;
      await appends.add({ stream, revision, id, type, metadata, position, data: dataTextOf(event) });
    }
    onCopied(appends.events, appends.position);
  }
  await appends.settleAll();
  onCopied(appends.events, scannedTo);
  return { events: appends.events, appends: appends.count, position: scannedTo };
}
