import { Worker } from "node:worker_threads";
import type { EventStore, Page, Position, ReadAllOptions } from "../../event-store.ts";
import { logOver } from "../../log-over.ts";
import { PageBuilder } from "../page.ts";
import { eventIn } from "../received.ts";
import { type FromReader, lengthBytes, type ReaderData, type Stretch, type ToReader } from "./messages.ts";

/** A page of the log that has fewer is probably one of what has just come, and none follows. */
const worthwhileEvents = 200;
/** It holds what is on its way, and the client. */
const heapMb = 96;

/**
 * A log that is read ahead by a thread of its own, for whoever goes through all of it page by page. The first page, and
 * all that the thread does not bring, is read by the log itself.
 */
export function openReadAhead(log: EventStore, url: string): EventStore {
  const ahead = new ReadAhead(url);
  return logOver(log, {
    readAll: async (options) => {
      const read = await ahead.page(options);
      if (read) return read;
      const page = await log.readAll(options);
      if (page.scannedEvents >= worthwhileEvents) ahead.from(page.scannedTo);
      return page;
    },
    close: () => ahead.close(),
  });
}

/** What the thread has read and nobody has taken yet. */
class ReadAhead {
  private readonly url: string;
  private thread: Worker | undefined;
  private isReady = false;
  /** A thread that has died would die again. */
  private isBroken = false;
  private run = 0;
  /** Where the next event stands behind; undefined while nothing is read ahead. */
  private position: Position | undefined;
  private stretches: Buffer[] = [];
  /** In the first of them. */
  private at = 0;
  private isOver = false;
  private news = Promise.withResolvers<void>();

  constructor(url: string) {
    this.url = url;
  }

  /** From the next page on, once there is a thread for it. */
  from(after: Position): void {
    if (this.isBroken) return;
    this.thread ??= this.start();
    if (!this.isReady) return;
    this.reset();
    this.position = after;
    this.tell({ kind: "from", run: ++this.run, after });
  }

  /** @returns undefined for what was not read ahead */
  async page(options: ReadAllOptions): Promise<Page | undefined> {
    // Whoever else has asked may have taken it meanwhile.
    while (this.position === options.after) {
      const stretch = this.stretches[0];
      const page = stretch && this.take(stretch, options);
      if (page) return page;
      if (!stretch && this.isOver) this.reset();
      else if (!stretch) await this.news.promise;
    }
    return undefined;
  }

  /** @returns undefined for a stretch of nothing but the server's own events */
  private take(stretch: Buffer, options: ReadAllOptions): Page | undefined {
    const page = new PageBuilder(options);
    let hasRoom = true;
    while (hasRoom && this.at < stretch.length) {
      const start = this.at + lengthBytes;
      const end = start + stretch.readUInt32LE(this.at);
      const event = eventIn(stretch, start, end);
      hasRoom = !event || page.take(event);
      // It is beyond what was asked for, or too large to come along.
      if (event && !hasRoom && page.scannedTo < event.position) break;
      this.at = end;
    }
    if (this.at >= stretch.length) {
      this.stretches.shift();
      this.at = 0;
      this.tell({ kind: "taken" });
    }
    if (hasRoom && page.scannedEvents === 0) return undefined;
    this.position = page.scannedTo;
    return page.page();
  }

  async close(): Promise<void> {
    this.isBroken = true;
    await this.thread?.terminate();
  }

  private start(): Worker {
    const workerData: ReaderData = { url: this.url };
    const resourceLimits = { maxOldGenerationSizeMb: heapMb };
    const thread = new Worker(new URL("./reader.ts", import.meta.url), { workerData, resourceLimits });
    thread.on("message", (message: FromReader) => {
      if (message === "ready") this.isReady = true;
      else this.received(message);
    });
    thread.on("error", (error) => process.emitWarning(`the log is not read ahead: ${String(error)}`));
    thread.on("exit", () => {
      this.isBroken = true;
      this.isOver = true;
      this.wake();
    });
    // It is not what a process lives for.
    thread.unref();
    return thread;
  }

  private received({ run, bytes }: Stretch): void {
    if (run !== this.run) this.tell({ kind: "taken" });
    else if (bytes) this.stretches.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    else {
      this.isOver = true;
      this.tell({ kind: "taken" });
    }
    this.wake();
  }

  private wake(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }

  private reset(): void {
    for (const _ of this.stretches) this.tell({ kind: "taken" });
    this.stretches = [];
    this.at = 0;
    this.isOver = false;
    this.position = undefined;
  }

  private tell(message: ToReader): void {
    this.thread?.postMessage(message);
  }
}
