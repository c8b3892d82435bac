import { parentPort, workerData } from "node:worker_threads";
import type { Position } from "../../event-store.ts";
import { Connection } from "../connection.ts";
import { parsePosition } from "../position.ts";
import { allRequest } from "../requests.ts";
import { type FromReader, lengthBytes, type ReaderData, type ToReader } from "./messages.ts";

/*
 * A thread that reads the log for another one, which has enough to do with what the events are for: what the client
 * does for each of them is as much again. It looks into none of them.
 */

/** Of one stretch: few enough that what is made of them is soon garbage. */
const stretchEvents = 1_000;
const stretchBytes = 2 * 1024 * 1024;
/** Sent and not yet out of the way. */
const stretchesAheadMax = 4;
/** What a slow server has brought is sent after so long, even if it is no stretch yet. */
const flushMs = 200;
/** A read that brings nothing for so long is given up. */
const silenceMsMax = 10_000;
const connectMsMax = 3_000;

if (!parentPort) throw new Error("this file is the start of a worker thread");
const port = parentPort;
const { url } = workerData as ReaderData;
const connection = new Connection(url, connectMsMax);
await connection.requireVersion();

type Call = Awaited<ReturnType<Connection["readRaw"]>>;

/** Stretches that were sent and are not yet out of the way. */
let ahead = 0;
let reading: Reading | undefined;

/** One read to the log's end. */
class Reading {
  private readonly run: number;
  private call: Call | undefined;
  private messages: Buffer[] = [];
  private bytes = 0;
  private heardAt = performance.now();
  private isOver = false;
  private readonly timer = setInterval(() => this.look(), flushMs);

  constructor(run: number, after: Position) {
    this.run = run;
    void this.open(after).catch(() => this.end());
  }

  private async open(after: Position): Promise<void> {
    const request = allRequest(parsePosition(after) ?? "start", { maxCount: Number.MAX_SAFE_INTEGER });
    const call = await connection.readRaw(connection.client, request);
    call.on("error", () => this.end());
    this.call = call;
    if (this.isOver) {
      call.cancel();
      return;
    }
    call.on("end", () => this.end());
    call.on("data", (message: Buffer) => this.take(message));
  }

  private take(message: Buffer): void {
    this.messages.push(message);
    this.bytes += lengthBytes + message.length;
    if (this.messages.length >= stretchEvents || this.bytes >= stretchBytes) this.flush();
  }

  private look(): void {
    const now = performance.now();
    if (this.messages.length > 0) this.flush();
    else if (this.call?.isPaused()) this.heardAt = now;
    else if (now - this.heardAt > silenceMsMax) this.end();
  }

  private flush(): void {
    const bytes = Buffer.from(new ArrayBuffer(this.bytes));
    let at = 0;
    for (const message of this.messages) {
      at = bytes.writeUInt32LE(message.length, at);
      at += message.copy(bytes, at);
    }
    this.messages = [];
    this.bytes = 0;
    this.heardAt = performance.now();
    send({ run: this.run, bytes });
    if (ahead >= stretchesAheadMax) this.call?.pause();
  }

  goOn(): void {
    if (ahead < stretchesAheadMax) this.call?.resume();
  }

  /** It is at the log's end, or failed: whoever goes on without this thread meets what is wrong. */
  private end(): void {
    if (this.isOver) return;
    if (this.messages.length > 0) this.flush();
    send({ run: this.run, bytes: undefined });
    this.stop();
  }

  stop(): void {
    this.isOver = true;
    clearInterval(this.timer);
    this.call?.cancel();
  }
}

function send(message: Exclude<FromReader, string>): void {
  ahead++;
  port.postMessage(message, message.bytes ? [message.bytes.buffer] : []);
}

port.on("message", (message: ToReader) => {
  if (message.kind === "taken") {
    ahead--;
    reading?.goOn();
  } else {
    reading?.stop();
    reading = new Reading(message.run, message.after);
  }
});
port.postMessage("ready" satisfies FromReader);
