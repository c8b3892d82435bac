import { EventEmitter } from "node:events";
import type shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import grpc from "@grpc/grpc-js";
import type { DoubleRecord } from "./log.ts";
import { identifierOf, notLeader, readResponse, streamDeleted } from "./messages.ts";
import type { EventStoreDouble, ReadFault } from "./server.ts";

type Call = grpc.ServerWritableStream<streams.ReadReq, streams.ReadResp>;
type Options = streams.ReadReq.Options;

/** The service Read: a stream, all, and subscriptions to all. */
export class Reads {
  private readonly double: EventStoreDouble;

  constructor(double: EventStoreDouble) {
    this.double = double;
  }

  serve(call: Call): void {
    this.double.readsSeen++;
    this.double.openReads.add(call);
    const ended = () => this.double.openReads.delete(call);
    call.on("cancelled", ended);
    call.on("finish", ended);
    call.on("error", ended);
    void this.answer(call).catch((error: unknown) => {
      call.emit("error", { code: grpc.status.INTERNAL, details: String(error) });
    });
  }

  private async answer(call: Call): Promise<void> {
    const options = call.request.getOptions() as Options;
    const head = new grpc.Metadata();
    head.set("date", new Date(Date.now() + this.double.log.clockAheadMs).toUTCString());
    call.sendMetadata(head);
    const refusal = this.double.refusal(call.metadata);
    if (refusal) {
      call.emit("error", refusal);
      return;
    }
    const faults = options.hasSubscription() ? this.double.subscriptionFaults : this.double.readFaults;
    const fault = faults.shift();
    if (fault?.kind === "stall") return;
    if (fault?.kind === "not-leader" || fault?.kind === "unavailable") {
      const { UNAVAILABLE } = grpc.status;
      const away = { code: UNAVAILABLE, details: "Server Is Not Ready" };
      call.emit("error", fault.kind === "unavailable" ? away : notLeader(this.double.port));
      return;
    }
    const out = new Output(call, this.double, fault);
    if (options.hasSubscription()) await this.subscription(out, options);
    else if (options.hasStream()) await this.stream(out, options);
    else if (this.isNoPlace(options)) {
      out.fail({ code: grpc.status.UNKNOWN, details: "Unexpected ReadAllResult: InvalidPosition" });
    } else await this.all(out, options);
  }

  private async stream(out: Output, options: Options): Promise<void> {
    const asked = options.getStream() as streams.ReadReq.Options.StreamOptions;
    const name = Buffer.from(asked.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString("utf8");
    const stream = this.double.log.stream(name);
    if (stream?.isTombstoned) return out.fail(streamDeleted(name));
    const end = this.double.log.records[this.double.visible - 1]?.position ?? -1n;
    const seen = stream?.records.filter(({ position }) => position <= end) ?? [];
    const hidden = stream?.visibleFrom ?? 0;
    if (!stream || seen.length === 0 || hidden === Number.MAX_SAFE_INTEGER) return out.notFound(name);
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const from = asked.hasRevision() ? Number(asked.getRevision()) : asked.hasEnd() ? seen.length - 1 : 0;
    const count = Number(options.getCount());
    const chosen = backwards
      ? seen
          .slice(0, from + 1)
          .reverse()
          .filter(({ revision }) => revision >= hidden)
      : seen.slice(Math.max(from, hidden));
    for (const record of chosen.slice(0, count)) if (!(await out.event(record))) return;
    out.end();
  }

  private async all(out: Output, options: Options): Promise<void> {
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const { records } = this.double.log;
    let index = this.startOf(options);
    for (let left = Number(options.getCount()); left > 0; left--) {
      // Backwards reads what stands before a position, forwards what stands at or behind it.
      const record = backwards
        ? records[--index]
        : index < this.double.visible
          ? records[index++]
          : undefined;
      if (!record) break;
      if (!(await out.event(record))) return;
    }
    out.end();
  }

  private async subscription(out: Output, options: Options): Promise<void> {
    const { records } = this.double.log;
    const position = options.getAll()?.getPosition();
    const regex = options.getFilter()?.getEventType()?.getRegex();
    const filter = regex ? new RegExp(regex) : undefined;
    let index = this.startOf(options);
    // Subscriptions are exclusive.
    if (position && records[index]?.position === BigInt(position.getCommitPosition())) index++;
    const confirmation = new streams.ReadResp.SubscriptionConfirmation();
    confirmation.setSubscriptionId("double");
    const confirmed = new streams.ReadResp();
    confirmed.setConfirmation(confirmation);
    if (!(await out.write(confirmed))) return;
    for (;;) {
      while (index < this.double.visible) {
        const record = records[index++] as DoubleRecord;
        if (filter && !filter.test(record.type)) continue;
        if (!(await out.event(record))) return;
      }
      const caughtUp = new streams.ReadResp();
      caughtUp.setCaughtUp(new streams.ReadResp.CaughtUp());
      if (!(await out.write(caughtUp))) return;
      if (index >= this.double.visible) await out.news(() => index < this.double.visible);
      if (out.isOver) return;
    }
  }

  /** Within the log, and where no record begins. What lies beyond is just not there yet. */
  private isNoPlace(options: Options): boolean {
    const position = options.getAll()?.getPosition();
    if (!position) return false;
    const record = this.double.log.records[this.startOf(options)];
    return record !== undefined && record.position !== BigInt(position.getCommitPosition());
  }

  private startOf(options: Options): number {
    const all = options.getAll();
    const position = all?.getPosition();
    if (position) return this.double.log.indexOf(BigInt(position.getCommitPosition()));
    return all?.hasEnd() ? this.double.visible : 0;
  }
}

class Output {
  private readonly call: Call;
  private readonly double: EventStoreDouble;
  private readonly fault: ReadFault | undefined;
  private events = 0;

  constructor(call: Call, double: EventStoreDouble, fault: ReadFault | undefined) {
    this.call = call;
    this.double = double;
    this.fault = fault;
  }

  get isOver(): boolean {
    return this.call.cancelled || this.call.destroyed || this.call.writableEnded;
  }

  /** @returns whether the client goes on reading */
  async event(record: DoubleRecord): Promise<boolean> {
    const { fault } = this;
    if (fault?.kind === "cut" && this.events === fault.afterEvents) {
      this.fail({ code: grpc.status.UNAVAILABLE, details: "cut" });
      return false;
    }
    if (fault?.kind === "hang" && this.events === fault.afterEvents) {
      await this.until("cancelled", () => false);
      return false;
    }
    this.events++;
    this.double.eventsSent++;
    if (this.double.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, this.double.slowMs));
    return this.write(readResponse(record));
  }

  async write(response: streams.ReadResp): Promise<boolean> {
    if (this.isOver) return false;
    if (this.call.write(response)) return true;
    await this.until("drain", () => !this.call.writableNeedDrain);
    return !this.isOver;
  }

  notFound(stream: string): void {
    const missing = new streams.ReadResp.StreamNotFound();
    const identifier: shared.StreamIdentifier = identifierOf(stream);
    missing.setStreamIdentifier(identifier);
    const response = new streams.ReadResp();
    response.setStreamNotFound(missing);
    this.call.write(response);
    this.end();
  }

  /** Until there is something to see, or the client has gone. */
  async news(isThere: () => boolean): Promise<void> {
    const watched = new EventEmitter();
    const unwatch = this.double.watch(() => watched.emit("news"));
    await this.until("news", isThere, watched);
    unwatch();
  }

  private until(event: string, isThere: () => boolean, emitter: EventEmitter = this.call): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (!isThere() && !this.isOver) return;
        emitter.off(event, wake);
        this.call.off("cancelled", wake);
        resolve();
      };
      emitter.on(event, wake);
      this.call.on("cancelled", wake);
      wake();
    });
  }

  fail(status: Partial<grpc.StatusObject>): void {
    this.call.emit("error", status);
  }

  end(): void {
    if (!this.isOver) this.call.end();
  }
}
