import shared from "@eventstore/db-client/generated/shared_pb.js";
import status from "@eventstore/db-client/generated/status_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import grpc from "@grpc/grpc-js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { DoubleRecord, Expected } from "./log.ts";

const ticksPerMs = 10_000n;

/** As RpcExceptions.LeaderInfo makes it. */
export function notLeader(port: number): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  metadata.set("exception", "not-leader");
  metadata.set("leader-endpoint-host", "127.0.0.1");
  metadata.set("leader-endpoint-port", String(port));
  return { code: grpc.status.NOT_FOUND, details: `Leader info available`, metadata };
}

export function streamDeleted(stream: string): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  metadata.set("exception", "stream-deleted");
  metadata.set("stream-name", stream);
  return { code: grpc.status.FAILED_PRECONDITION, details: `Event stream '${stream}' is deleted.`, metadata };
}

export function identifierOf(stream: string): shared.StreamIdentifier {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString("base64"));
  return identifier;
}

export function readResponse(record: DoubleRecord): streams.ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  const id = new shared.UUID();
  id.setString(record.id);
  recorded.setId(id);
  recorded.setStreamIdentifier(identifierOf(record.stream));
  recorded.setStreamRevision(String(record.revision));
  recorded.setCommitPosition(String(record.position));
  recorded.setPreparePosition(String(record.position));
  const metadata = recorded.getMetadataMap();
  metadata.set("type", record.type);
  metadata.set("content-type", record.isJson ? "application/json" : "application/octet-stream");
  metadata.set("created", String(BigInt(record.created) * ticksPerMs));
  recorded.setData(record.data);
  recorded.setCustomMetadata(record.metadata);
  const event = new streams.ReadResp.ReadEvent();
  event.setEvent(recorded);
  event.setCommitPosition(String(record.position));
  const response = new streams.ReadResp();
  response.setEvent(event);
  return response;
}

export function success(revision: number, position: bigint | undefined): streams.BatchAppendResp {
  const done = new streams.BatchAppendResp.Success();
  done.setCurrentRevision(String(revision));
  if (position === undefined) {
    done.setNoPosition(new empty.Empty());
  } else {
    const place = new shared.AllStreamPosition();
    place.setCommitPosition(String(position));
    place.setPreparePosition(String(position));
    done.setPosition(place);
  }
  const response = new streams.BatchAppendResp();
  response.setSuccess(done);
  return response;
}

export function conflict(expected: Expected, actual: number): streams.BatchAppendResp {
  const wrong = new shared.WrongExpectedVersion();
  if (actual < 0) wrong.setCurrentNoStream(new empty.Empty());
  else wrong.setCurrentStreamRevision(String(actual));
  if (typeof expected !== "number") wrong.setExpectedAny(new empty.Empty());
  else if (expected < 0) wrong.setExpectedNoStream(new empty.Empty());
  else wrong.setExpectedStreamPosition(String(expected));
  return refused("WrongExpectedVersion", wrong.serializeBinary());
}

export function tooLarge(bytesMax: number): streams.BatchAppendResp {
  const details = new shared.MaximumAppendSizeExceeded();
  details.setMaxappendsize(bytesMax);
  return refused("MaximumAppendSizeExceeded", details.serializeBinary());
}

/** Messages of EventStoreDB's errors are empty, those of what was not handled are not. */
export function refused(
  type:
    | "WrongExpectedVersion"
    | "MaximumAppendSizeExceeded"
    | "StreamDeleted"
    | "Timeout"
    | "AccessDenied"
    | "Empty",
  details: Uint8Array = new Uint8Array(),
  message = "",
): streams.BatchAppendResp {
  const packed = new any.Any();
  packed.pack(details, type === "Empty" ? "google.protobuf.Empty" : `event_store.client.${type}`);
  const error = new status.Status();
  error.setDetails(packed);
  error.setMessage(message);
  const response = new streams.BatchAppendResp();
  response.setError(error);
  return response;
}
