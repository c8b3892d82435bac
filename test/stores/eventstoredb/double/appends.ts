import shared from "@eventstore/db-client/generated/shared_pb.js";
import type streams from "@eventstore/db-client/generated/streams_pb.js";
import type grpc from "@grpc/grpc-js";
import type { Expected, Proposed, Written } from "./log.ts";
import { conflict, identifierOf, notLeader, refused, success, tooLarge } from "./messages.ts";
import type { AppendFault, EventStoreDouble } from "./server.ts";

const appendBytesMax = 1024 * 1024;
/** After this the server answers an append that it has dropped. */
const commitTimeoutMs = 2_000;

interface PendingAppend {
  correlationId: shared.UUID | undefined;
  stream: string;
  expected: Expected;
  events: Proposed[];
}

type Call = grpc.ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;

/** The service BatchAppend: many appends on one stream, each with its correlation id. */
export class Appends {
  private readonly double: EventStoreDouble;
  /** First and last event ids of what is written and not yet to be seen: the same append again is dropped. */
  private readonly underWay = new Set<string>();
  private answers: (() => void)[] = [];

  constructor(double: EventStoreDouble) {
    this.double = double;
  }

  serve(call: Call): void {
    const open = new Map<string, PendingAppend>();
    this.double.openAppends.add(call);
    call.on("data", (request: streams.BatchAppendReq) => {
      if (this.double.muted.has(call)) return;
      const key = JSON.stringify(request.getCorrelationId()?.toObject());
      const append = open.get(key) ?? begun(request);
      append.events.push(...request.getProposedMessagesList().map(proposed));
      open.set(key, append);
      if (!request.getIsFinal()) return;
      open.delete(key);
      this.handle(call, append);
    });
    const over = () => this.double.openAppends.delete(call);
    call.on("end", () => call.end());
    call.on("close", over);
    call.on("cancelled", over);
    call.on("error", over);
  }

  private handle(call: Call, append: PendingAppend): void {
    this.double.appendsSeen++;
    const fault = this.double.appendFaults.shift();
    if (fault && this.refuse(call, append, fault)) return;
    const bytes = append.events.reduce(
      (sum, { data, metadata, type }) => sum + data.length + metadata.length + 2 * type.length,
      0,
    );
    if (bytes > appendBytesMax) {
      this.answer(call, append, tooLarge(appendBytesMax));
      return;
    }
    const key = `${append.stream} ${append.events[0]?.id} ${append.events.at(-1)?.id}`;
    if (this.underWay.has(key)) {
      setTimeout(() => this.answer(call, append, refused("Timeout")), commitTimeoutMs).unref();
      return;
    }
    const written = this.double.log.append(append.stream, append.expected, append.events);
    if (written.kind === "written" && !written.isRepeated) this.underWay.add(key);
    if (fault === "die-after-write") {
      void this.double.killAndRestart();
      return;
    }
    this.later(() => {
      this.underWay.delete(key);
      if (fault !== "lose-answer") this.answer(call, append, responseOf(append, written, fault));
    });
  }

  /** @returns whether the append goes no further */
  private refuse(call: Call, append: PendingAppend, fault: AppendFault): boolean {
    switch (fault) {
      case "stall":
        return true;
      case "die-before-write":
        void this.double.killAndRestart();
        return true;
      case "busy":
        this.answer(call, append, refused("Empty", undefined, "Server Is Busy"));
        return true;
      case "not-ready":
        this.answer(call, append, refused("Empty", undefined, "Server Is Not Ready"));
        return true;
      case "access-denied":
        this.answer(call, append, refused("AccessDenied"));
        return true;
      case "not-leader":
        // It is thrown on the stream that all appends share.
        call.emit("error", notLeader(this.double.leaderPort ?? this.double.port));
        return true;
      default:
        return false;
    }
  }

  /** What is written is seen a little later, and only then answered. */
  private later(answer: () => void): void {
    this.answers.push(answer);
    if (this.answers.length > 1) return;
    const publish = () => {
      const answers = this.answers;
      this.answers = [];
      this.double.publish();
      for (const each of answers) each();
    };
    if (this.double.replicationMs > 0) setTimeout(publish, this.double.replicationMs);
    else setImmediate(publish);
  }

  private answer(call: Call, append: PendingAppend, response: streams.BatchAppendResp): void {
    const send = () => {
      if (call.cancelled || call.destroyed || call.writableEnded) return;
      response.setCorrelationId(append.correlationId);
      response.setStreamIdentifier(identifierOf(append.stream));
      call.write(response);
    };
    if (this.double.slowMs > 0) setTimeout(send, this.double.slowMs);
    else send();
  }
}

function responseOf(append: PendingAppend, written: Written, fault?: AppendFault): streams.BatchAppendResp {
  if (fault === "late") return refused("Timeout");
  switch (written.kind) {
    case "conflict":
      return conflict(append.expected, written.actual);
    case "deleted":
      return refused("StreamDeleted", new shared.StreamDeleted().serializeBinary());
    case "written":
      return success(written.revision, fault === "no-position" ? undefined : written.position);
  }
}

function begun(request: streams.BatchAppendReq): PendingAppend {
  const options = request.getOptions();
  const name = options?.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  return {
    correlationId: request.getCorrelationId(),
    stream: Buffer.from(name).toString("utf8"),
    expected: expectedBy(options),
    events: [],
  };
}

function expectedBy(options: streams.BatchAppendReq.Options | undefined): Expected {
  if (options?.hasStreamPosition()) return Number(options.getStreamPosition());
  if (options?.hasNoStream()) return -1;
  return options?.hasStreamExists() ? "exists" : "any";
}

function proposed(message: streams.BatchAppendReq.ProposedMessage): Proposed {
  const metadata = message.getMetadataMap();
  return {
    id: message.getId()?.getString() ?? "",
    type: metadata.get("type") ?? "",
    isJson: metadata.get("content-type") === "application/json",
    data: Buffer.from(message.getData_asU8()),
    metadata: Buffer.from(message.getCustomMetadata_asU8()),
  };
}
