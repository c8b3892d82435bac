import { randomUUID } from "node:crypto";
import type { EventStoreDBClient } from "@eventstore/db-client";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { Status } from "@eventstore/db-client/generated/status_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { noStream, OutcomeUnknown, RevisionConflict, StoreUnavailable } from "../event-store.ts";
import type { Connection, StreamsClient } from "./connection.ts";
import { deletedStream, reasonOf } from "./errors.ts";
import { isTold, type LogPosition } from "./position.ts";
import { uuidOf } from "./received.ts";

const appendsPendingMax = 10_000;
const appendBytesPendingMax = 256 * 1024 * 1024;

export interface AppendRequest {
  stream: string;
  expectedRevision: number;
  events: readonly { id: string; type: string; data: Uint8Array; metadata: Uint8Array }[];
  /** Of data and metadata. */
  bytes: number;
}

export interface AppendAnswer {
  revision: number;
  /** Missing from odd answers. */
  position: LogPosition | undefined;
}

interface Pending {
  request: AppendRequest;
  resolve: (answer: AppendAnswer) => void;
  reject: (error: Error) => void;
}

/** One BatchAppend stream and what was sent on it. */
interface Lane {
  call: ReturnType<StreamsClient["batchAppend"]>;
  pending: Map<string, Pending>;
  /** As of performance.now(). */
  answeredAt: number;
  /** Nothing more can be sent on it. */
  isOver: boolean;
}

/** Of one client; another client gets another one. */
interface OpenedLane {
  client: EventStoreDBClient;
  lane: Promise<Lane>;
}

/**
 * Appends share one BatchAppend stream. It is spoken here, over the client's channel and messages, and not by
 * the client's `appendToStream`: that keeps what is pending in one table for all streams of the process, which
 * any stream that breaks empties; the answer of another one then throws where nobody can catch it. It also has
 * no deadline, and serialises JSON again.
 */
export class BatchAppends {
  private readonly connection: Connection;
  private readonly timeoutMs: number;
  private current: OpenedLane | undefined;
  private pendingCount = 0;
  private pendingBytes = 0;

  /** @param timeoutMs until an append that is not answered counts as unknown */
  constructor(connection: Connection, timeoutMs: number) {
    this.connection = connection;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Sends an append once.
   * @throws RevisionConflict, StoreUnavailable (not written), OutcomeUnknown, as the port says
   */
  async send(request: AppendRequest): Promise<AppendAnswer> {
    if (this.pendingCount >= appendsPendingMax || this.pendingBytes >= appendBytesPendingMax)
      throw new StoreUnavailable(`${this.pendingCount} appends are waiting`);
    this.pendingCount++;
    this.pendingBytes += request.bytes;
    try {
      const opened = this.opened();
      return await this.sendOn(opened, await opened.lane, request);
    } finally {
      this.pendingCount--;
      this.pendingBytes -= request.bytes;
    }
  }

  private opened(): OpenedLane {
    const { client } = this.connection;
    if (this.current && this.current.client !== client) this.retire(this.current);
    if (!this.current) {
      const forget = () => this.forget(opened);
      const opened: OpenedLane = { client, lane: this.open(client, forget) };
      opened.lane.catch(forget);
      this.current = opened;
    }
    return this.current;
  }

  private forget(opened: OpenedLane): void {
    if (this.current === opened) this.current = undefined;
  }

  /** Sends nothing more on it; what is pending there is still answered, or given up by its own timer. */
  private retire(opened: OpenedLane): void {
    this.forget(opened);
    const end = (lane: Lane) => {
      lane.isOver = true;
      lane.call.end();
    };
    opened.lane.then(end).catch(() => {});
  }

  private async sendOn(opened: OpenedLane, lane: Lane, request: AppendRequest): Promise<AppendAnswer> {
    if (lane.isOver) throw new StoreUnavailable("EventStoreDB went away before the append was sent");
    const correlationId = randomUUID();
    const askedAt = performance.now();
    return new Promise<AppendAnswer>((resolve, reject) => {
      const timer = setTimeout(() => {
        lane.pending.delete(correlationId);
        reject(
          new OutcomeUnknown(`the append to ${request.stream} was not answered in ${this.timeoutMs} ms`),
        );
        // Nothing was answered since: the stream may be dead, and nobody would ever say so.
        if (lane.answeredAt < askedAt) this.retire(opened);
        this.connection.suspect(opened.client, askedAt);
      }, this.timeoutMs);
      lane.pending.set(correlationId, {
        request,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      lane.call.write(messageOf(correlationId, request));
    });
  }

  private async open(client: EventStoreDBClient, onEnded: () => void): Promise<Lane> {
    // Until the channel is up nothing is sent, so that a server that is away is known not to have written.
    const service = await this.connection.streams(client);
    const call = service.batchAppend(...this.connection.callArguments(client));
    const lane: Lane = { call, pending: new Map(), answeredAt: 0, isOver: false };
    call.on("data", (response: streams.BatchAppendResp) => this.answered(lane, response));
    call.on("error", (error: Error) => {
      onEnded();
      giveUp(lane, error);
      void this.connection.failed(client, service, error).catch(() => {});
    });
    call.on("end", () => {
      onEnded();
      giveUp(lane, new Error("the server ended the stream"));
    });
    return lane;
  }

  private answered(lane: Lane, response: streams.BatchAppendResp): void {
    this.connection.heard();
    lane.answeredAt = performance.now();
    const correlationId = uuidText(response.getCorrelationId());
    const pending = lane.pending.get(correlationId);
    // An answer that comes after its append was given up on.
    if (!pending) return;
    lane.pending.delete(correlationId);
    const success = response.getSuccess();
    if (!success) {
      pending.reject(refusalOf(pending.request, response.getError()));
      return;
    }
    const told = success.getPosition();
    const position = told && {
      commit: BigInt(told.getCommitPosition()),
      prepare: BigInt(told.getPreparePosition()),
    };
    pending.resolve({
      revision: Number(success.getCurrentRevision()),
      position: isTold(position) ? position : undefined,
    });
  }

  async close(): Promise<void> {
    const lane = await this.current?.lane.catch(() => undefined);
    lane?.call.cancel();
  }
}

function giveUp(lane: Lane, cause: Error): void {
  lane.isOver = true;
  for (const { request, reject } of lane.pending.values())
    reject(new OutcomeUnknown(`the append to ${request.stream} was cut off: ${reasonOf(cause)}`, { cause }));
  lane.pending.clear();
}

function messageOf(correlationId: string, request: AppendRequest): streams.BatchAppendReq {
  const options = new streams.BatchAppendReq.Options();
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(request.stream));
  options.setStreamIdentifier(identifier);
  if (request.expectedRevision === noStream) options.setNoStream(new shared.Empty());
  else options.setStreamPosition(String(request.expectedRevision));
  const message = new streams.BatchAppendReq();
  message.setCorrelationId(uuid(correlationId));
  message.setOptions(options);
  message.setIsFinal(true);
  message.setProposedMessagesList(
    request.events.map(({ id, type, data, metadata }) => {
      const proposed = new streams.BatchAppendReq.ProposedMessage();
      proposed.setId(uuid(id));
      proposed.getMetadataMap().set("type", type).set("content-type", "application/json");
      proposed.setData(data);
      proposed.setCustomMetadata(metadata);
      return proposed;
    }),
  );
  return message;
}

/** What an append that the server has refused is to the port. */
function refusalOf(request: AppendRequest, status: Status | undefined): Error {
  const { stream, expectedRevision } = request;
  const details = status?.getDetails();
  const message = status?.getMessage() ?? "";
  switch (details?.getTypeName().split(".").at(-1)) {
    case "WrongExpectedVersion": {
      const wrong = shared.WrongExpectedVersion.deserializeBinary(details.getValue_asU8());
      const isThere = wrong.hasCurrentStreamRevision();
      return new RevisionConflict(
        stream,
        expectedRevision,
        isThere ? Number(wrong.getCurrentStreamRevision()) : noStream,
      );
    }
    case "MaximumAppendSizeExceeded":
      return new RangeError(`an append to ${stream} is larger than the server takes`);
    case "StreamDeleted":
      return deletedStream(stream);
    case "AccessDenied":
      return new StoreUnavailable(`EventStoreDB does not let this user write ${stream}`);
    case "Empty":
      // It was not handled: the server is busy, not ready, or knows no leader.
      return new StoreUnavailable(`EventStoreDB did not take the append: ${message}`);
    case "BadRequest":
      return new Error(`EventStoreDB did not understand the append to ${stream}: ${message}`);
    default:
      // A timeout above all; and whatever newer servers may say.
      return new OutcomeUnknown(`the append to ${stream} failed: ${message || details?.getTypeName()}`);
  }
}

function uuid(text: string): shared.UUID {
  const id = new shared.UUID();
  id.setString(text);
  return id;
}

/** Servers answer with the id as it was sent, or as two numbers when the answer is theirs. */
function uuidText(id: shared.UUID | undefined): string {
  const structured = id?.getStructured();
  if (!structured) return id?.getString() ?? "";
  return uuidOf(BigInt(structured.getMostSignificantBits()), BigInt(structured.getLeastSignificantBits()));
}
