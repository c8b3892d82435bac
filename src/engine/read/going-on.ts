import { type EventStore, logStart } from "../../stores/event-store/event-store.ts";
import type { SavedCheckpoint } from "../../stores/view-store/view-store.ts";

/** A store remembers for a week what was deleted; whoever is further behind could bring it back. */
const behindMsMax = 6 * 86_400_000;

/**
 * Whether a model can be taken further from where it was saved, or has to be rebuilt (DISTRIBUTED.md, 14 and 19).
 * @returns why it cannot; undefined when it can
 */
export async function whyRebuild(
  { position, eventId, ageMs }: SavedCheckpoint,
  events: Pick<EventStore, "eventIdAt" | "head">,
): Promise<string | undefined> {
  if (position === logStart) return undefined;
  const found = await events.eventIdAt(position);
  if (found === undefined || (eventId !== undefined && found !== eventId))
    return "the log does not hold the event that it was made up to: an older state of the log was restored";
  if (ageMs > behindMsMax && position < (await events.head()))
    return `it was written ${Math.floor(ageMs / 86_400_000)} days ago, and what was deleted then is forgotten`;
  return undefined;
}
