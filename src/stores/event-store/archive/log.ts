import {
  type EventStore,
  type Page,
  type Position,
  pageBytesMax,
  type ReadAllOptions,
  type RecordedEvent,
} from "../event-store.ts";
import { logOver } from "../log-over.ts";
import { ArchiveFile } from "./file.ts";
import type { ArchivedEvent, BlockReader } from "./format.ts";

/** Events that a filtered read looks at before it answers. */
const scanWindowEvents = 50_000;

/**
 * A log whose beginning is read from an archive, and the rest, and everything else, from the log itself.
 * @throws StoreDamaged when the file is no archive, or not one of this log; ENOENT when there is none
 */
export async function openArchivedLog(file: string, log: EventStore): Promise<EventStore> {
  const archive = new ArchiveFile(file);
  try {
    await archive.requireOf(log);
  } catch (error) {
    archive.close();
    throw error;
  }
  const reader = new ArchiveReader(archive);
  return logOver(log, {
    readAll: async (options) =>
      options.after < archive.position ? reader.readAll(options) : log.readAll(options),
    close: () => archive.close(),
  });
}

/** Reads pages of an archive, as the log itself would give them. */
class ArchiveReader {
  private readonly archive: ArchiveFile;
  /** Where the last page ended: mostly the next one goes on there. */
  private last: { position: Position; block: number; reader: BlockReader } | undefined;

  constructor(archive: ArchiveFile) {
    this.archive = archive;
  }

  /** @param options with a position before the archive's last */
  readAll(options: ReadAllOptions): Page {
    const { after, upTo, maxCount, bytesMax = pageBytesMax } = options;
    const types = options.types && new Set(options.types);
    const events: RecordedEvent[] = [];
    let [scannedTo, scannedEvents, bytes] = [after, 0, 0];
    let { block, reader } = this.from(after);
    while (events.length < maxCount && scannedEvents < scanWindowEvents) {
      const event: ArchivedEvent | undefined = reader.next();
      if (!event) {
        const next = this.archive.blocks[++block];
        if (!next) break;
        reader = this.archive.open(next);
        continue;
      }
      const { position } = event;
      if (position <= after) continue;
      if (upTo !== undefined && position > upTo) break;
      if (!types || types.has(event.type)) {
        bytes += event.size;
        if (bytes > bytesMax && events.length > 0) break;
        events.push(event);
      }
      scannedTo = position;
      scannedEvents++;
    }
    const isBetween = events.length >= maxCount || scannedEvents >= scanWindowEvents;
    this.last = isBetween ? { position: scannedTo, block, reader } : undefined;
    return { events, scannedTo, scannedEvents };
  }

  private from(after: Position): { block: number; reader: BlockReader } {
    if (this.last?.position === after) return this.last;
    const { blocks } = this.archive;
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((blocks[middle]?.lastPosition ?? "") > after) high = middle;
      else low = middle + 1;
    }
    const found = blocks[low];
    if (!found) throw new Error("an archive without a block is not read");
    return { block: low, reader: this.archive.open(found) };
  }
}
