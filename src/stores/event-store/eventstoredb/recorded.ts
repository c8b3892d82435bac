import { type RecordedEvent, StoreDamaged } from "../event-store.ts";
import { isTold } from "./position.ts";
import type { ReceivedEvent } from "./received.ts";

/** The stream of the log's own name. Nobody but this adapter sees it. */
export const identityStream = "log-identity";

/** @returns undefined for one that is none of the shop's: the server's own, a link, the log's name */
export function recordedOf(event: ReceivedEvent): (RecordedEvent & { size: number }) | undefined {
  if (event.stream.startsWith("$") || event.type.startsWith("$")) return undefined;
  if (event.stream === identityStream) return undefined;
  if (!isTold(event.at))
    throw new StoreDamaged("this EventStoreDB does not tell the positions of what it reads");
  return event;
}
