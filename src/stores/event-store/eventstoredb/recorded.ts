import type { ResolvedEvent } from "@eventstore/db-client";
import { type EventMetadata, type RecordedEvent, StoreDamaged } from "../event-store.ts";
import { formatPosition, isTold } from "./position.ts";

/** The stream of the log's own name. Nobody but this adapter sees it. */
export const identityStream = "log-identity";

/**
 * An event as the port has it.
 * @returns undefined for one that is none of the shop's: the server's own, a link, the log's name
 */
export function recordedOf(resolved: ResolvedEvent): RecordedEvent | undefined {
  const { event } = resolved;
  if (!event || event.streamId.startsWith("$") || event.type.startsWith("$")) return undefined;
  if (event.streamId === identityStream) return undefined;
  if (!isTold(event.position))
    throw new StoreDamaged("this EventStoreDB does not tell the positions of what it reads");
  const metadata = metadataOf(event.metadata, event.id, event.created);
  return {
    position: formatPosition(event.position),
    stream: event.streamId,
    revision: Number(event.revision),
    id: event.id,
    type: event.type,
    time: metadata.time,
    data: event.data,
    metadata,
  };
}

/** What somebody else has appended may have none, or its own. */
function metadataOf(metadata: unknown, id: string, created: Date): EventMetadata {
  if (typeof metadata === "object" && metadata !== null && "commandId" in metadata && "time" in metadata)
    return metadata as EventMetadata;
  return { time: created.getTime(), commandId: id, correlationId: id, actor: "" };
}

/** Characters of its JSON, of which there are as many as bytes, or fewer. */
export function sizeOf({ data, metadata }: RecordedEvent): number {
  return (JSON.stringify(data)?.length ?? 0) + JSON.stringify(metadata).length;
}
