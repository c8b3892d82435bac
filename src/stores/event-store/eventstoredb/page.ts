import {
  type Page,
  type Position,
  pageBytesMax,
  type ReadAllOptions,
  type RecordedEvent,
} from "../event-store.ts";
import type { ReceivedEvent } from "./received.ts";
import { recordedOf } from "./recorded.ts";

/** Events of the shop that a filtered read looks at before it answers. */
export const scanWindowEvents = 10_000;

/** Gathers a page of the log from what is read, in order. */
export class PageBuilder {
  private readonly options: ReadAllOptions;
  private readonly types: ReadonlySet<string> | undefined;
  private readonly events: RecordedEvent[] = [];
  scannedTo: Position;
  private bytes = 0;
  scannedEvents = 0;

  constructor(options: ReadAllOptions) {
    this.options = options;
    this.scannedTo = options.after;
    this.types = options.types && new Set(options.types);
  }

  /** @returns whether there is room for more */
  take(received: ReceivedEvent): boolean {
    const event = recordedOf(received);
    if (!event) return true;
    const { after, upTo, maxCount, bytesMax = pageBytesMax } = this.options;
    // Reads begin at a position, pages behind it.
    if (event.position <= after) return true;
    if (upTo !== undefined && event.position > upTo) return false;
    if (!this.types || this.types.has(event.type)) {
      this.bytes += event.size;
      if (this.bytes > bytesMax && this.events.length > 0) return false;
      this.events.push(event);
    }
    this.scannedEvents++;
    this.scannedTo = event.position;
    return this.events.length < maxCount && this.scannedEvents < scanWindowEvents;
  }

  page(): Page {
    return { events: this.events, scannedTo: this.scannedTo, scannedEvents: this.scannedEvents };
  }
}
