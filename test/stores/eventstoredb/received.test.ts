import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ReceivedEvent, readAnswer } from "../../../src/stores/event-store/eventstoredb/received.ts";
import { MessageReader } from "../../../src/stores/event-store/eventstoredb/wire.ts";

const { ReadEvent } = streams.ReadResp;
const unsigned64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const signed64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

interface Sent {
  id: string | { most: bigint; least: bigint };
  stream: string;
  type: string;
  revision: bigint;
  position: { commit: bigint; prepare: bigint } | undefined;
  created: bigint;
  contentType: string;
  data: string;
  metadata: string;
}

/** As a server answers, made by the client's own classes. */
function messageOf(sent: Sent): Buffer {
  const record = new ReadEvent.RecordedEvent();
  const id = new shared.UUID();
  if (typeof sent.id === "string") id.setString(sent.id);
  else {
    const structured = new shared.UUID.Structured();
    structured.setMostSignificantBits(String(sent.id.most));
    structured.setLeastSignificantBits(String(sent.id.least));
    id.setStructured(structured);
  }
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(sent.stream));
  record.setId(id);
  record.setStreamIdentifier(identifier);
  record.setStreamRevision(String(sent.revision));
  if (sent.position) {
    record.setCommitPosition(String(sent.position.commit));
    record.setPreparePosition(String(sent.position.prepare));
  }
  record
    .getMetadataMap()
    .set("type", sent.type)
    .set("content-type", sent.contentType)
    .set("created", String(sent.created))
    .set("something-new", "of a later server");
  record.setData(Buffer.from(sent.data));
  record.setCustomMetadata(Buffer.from(sent.metadata));
  const event = new ReadEvent();
  event.setEvent(record);
  event.setCommitPosition("7");
  const answer = new streams.ReadResp();
  answer.setEvent(event);
  return Buffer.from(answer.serializeBinary());
}

const received = (sent: Sent) => readAnswer(messageOf(sent)).getEvent() as unknown as ReceivedEvent;

const own = { time: 1_700_000_000_000, commandId: "c", correlationId: "r", actor: "test" };
const plain: Sent = {
  id: "5f3f1a8e-0000-4000-8000-000000000001",
  stream: "cart-1",
  type: "Noted",
  revision: 3n,
  position: { commit: 10n, prepare: 10n },
  created: 17_000_000_000_000_000n,
  contentType: "application/json",
  data: '{"n":1}',
  metadata: JSON.stringify(own),
};

describe("an event that a server sends", () => {
  test("is read as the client's own classes wrote it", () => {
    const sent = fc.record({
      stream: fc.string({ unit: "binary", maxLength: 300 }),
      type: fc.string({ unit: "grapheme", maxLength: 50 }),
      revision: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
      position: fc.option(fc.record({ commit: unsigned64, prepare: unsigned64 }), { nil: undefined }),
      created: fc.bigInt({ min: 0n, max: 2n ** 62n }),
      data: fc.json(),
    });
    fc.assert(
      fc.property(sent, (some) => {
        const event = received({ ...plain, ...some });
        expect(event.id).toBe(plain.id);
        expect(event.stream).toBe(some.stream.toWellFormed());
        expect(event.type).toBe(some.type);
        expect(BigInt(event.revision)).toBe(some.revision);
        // No number but 0 is left out of a message, so that one is never told apart from none.
        const isThere = some.position && some.position.commit > 0n && some.position.prepare > 0n;
        if (isThere) expect(event.at).toEqual(some.position);
        expect(event.createdAt).toBe(Number(some.created / 10_000n));
        expect(event.data).toEqual(JSON.parse(some.data));
        expect(event.metadata).toEqual(own);
        expect(event.time).toBe(own.time);
        expect(event.size).toBe(Buffer.byteLength(some.data) + plain.metadata.length);
      }),
    );
  });

  test("has its id as text, or as two signed numbers", () => {
    fc.assert(
      fc.property(signed64, signed64, (most, least) => {
        const hex = [most, least].map((bits) => BigInt.asUintN(64, bits).toString(16).padStart(16, "0"));
        expect(received({ ...plain, id: { most, least } }).id.replaceAll("-", "")).toBe(hex.join(""));
      }),
    );
    const id = { most: 0x5f3f1a8e00004000n, least: -0x7fffffffffffffffn };
    expect(received({ ...plain, id }).id).toBe(plain.id);
  });

  test("that somebody else has appended has its own time, and what it is made of", () => {
    for (const metadata of [
      "",
      "{}",
      "nonsense",
      '{"time":5}',
      '{"time":5,"n":1}',
      '{"commandId":"x"}',
      "[]",
    ]) {
      const event = received({ ...plain, metadata });
      const time = 1_700_000_000_000;
      expect(event.metadata).toEqual({ time, commandId: plain.id, correlationId: plain.id, actor: "" });
      expect([metadata, event.time]).toEqual([metadata, time]);
    }
    expect(received({ ...plain, data: "{broken" }).data).toBe("{broken");
    const bytes = received({ ...plain, contentType: "application/octet-stream", data: "{}" }).data;
    expect(bytes).toEqual(Buffer.from("{}"));
  });

  test("whose message is cut off anywhere is none", () => {
    const whole = messageOf(plain);
    for (let length = 1; length < whole.length; length++)
      expect(() => readAnswer(whole.subarray(0, length)).getEvent()).toThrow(RangeError);
  });
});

test("what is no event is an answer as the client has it", () => {
  const notFound = new streams.ReadResp.StreamNotFound();
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from("gone-1"));
  notFound.setStreamIdentifier(identifier);
  const answer = new streams.ReadResp();
  answer.setStreamNotFound(notFound);
  const read = readAnswer(Buffer.from(answer.serializeBinary()));
  expect([read.hasEvent(), read.hasStreamNotFound()]).toEqual([false, true]);
});

test("fields that nobody knows are gone past, whatever they are", () => {
  // Field 1 as a number, 2 as eight bytes, 3 as text, 4 as four bytes, 5 as a number.
  const message = Buffer.from(
    "08ffffffffffffffffff01111122334455667788" + "1a0461626364" + "2511223344" + "2805",
    "hex",
  );
  const reader = new MessageReader(message);
  const fields: number[] = [];
  while (reader.next()) {
    fields.push(reader.field);
    if (reader.field === 5) expect(reader.unsigned()).toBe(5n);
    else reader.skip();
  }
  expect(fields).toEqual([1, 2, 3, 4, 5]);
});
