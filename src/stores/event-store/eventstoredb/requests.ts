import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { LogPosition } from "./position.ts";

const { ReadReq } = streams;
type Options = streams.ReadReq.Options;

/** Types of the server's own events begin with a dollar sign. */
const ownTypes = "^[^$].*";

export type Place = LogPosition | "start" | "end";

interface Extent {
  backwards?: boolean;
  maxCount: number;
}

/** @param from a revision, inclusive; the first, or the last backwards, when it is left out */
export function streamRequest(
  stream: string,
  { from, backwards = false, maxCount }: Extent & { from?: number | undefined },
): streams.ReadReq {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream));
  const asked = new ReadReq.Options.StreamOptions();
  asked.setStreamIdentifier(identifier);
  if (from !== undefined) asked.setRevision(String(from));
  else if (backwards) asked.setEnd(new shared.Empty());
  else asked.setStart(new shared.Empty());
  const options = plainOptions({ backwards, maxCount });
  options.setStream(asked);
  options.setNoFilter(new shared.Empty());
  return requestOf(options);
}

/** @param from inclusive */
export function allRequest(from: Place, extent: Extent): streams.ReadReq {
  const options = plainOptions(extent);
  options.setAll(allFrom(from));
  options.setNoFilter(new shared.Empty());
  return requestOf(options);
}

/**
 * A subscription to all but the server's own events: with a filter that matches little, an idle log tells nothing for
 * long. @param after exclusive
 */
export function subscriptionRequest(after: LogPosition | undefined): streams.ReadReq {
  const options = plainOptions({});
  options.setAll(allFrom(after ?? "start"));
  options.setSubscription(new ReadReq.Options.SubscriptionOptions());
  const expression = new ReadReq.Options.FilterOptions.Expression();
  expression.setRegex(ownTypes);
  const filter = new ReadReq.Options.FilterOptions();
  filter.setEventType(expression);
  filter.setCount(new shared.Empty());
  filter.setCheckpointintervalmultiplier(1);
  options.setFilter(filter);
  return requestOf(options);
}

function allFrom(from: Place): streams.ReadReq.Options.AllOptions {
  const all = new ReadReq.Options.AllOptions();
  if (from === "start") all.setStart(new shared.Empty());
  else if (from === "end") all.setEnd(new shared.Empty());
  else {
    const position = new ReadReq.Options.Position();
    position.setCommitPosition(String(from.commit));
    position.setPreparePosition(String(from.prepare));
    all.setPosition(position);
  }
  return all;
}

function plainOptions({ backwards = false, maxCount }: Partial<Extent>): Options {
  const { FORWARDS, BACKWARDS } = ReadReq.Options.ReadDirection;
  const ids = new ReadReq.Options.UUIDOption();
  ids.setString(new shared.Empty());
  const options = new ReadReq.Options();
  options.setReadDirection(backwards ? BACKWARDS : FORWARDS);
  options.setResolveLinks(false);
  options.setUuidOption(ids);
  if (maxCount !== undefined) options.setCount(String(maxCount));
  return options;
}

function requestOf(options: Options): streams.ReadReq {
  const request = new ReadReq();
  request.setOptions(options);
  return request;
}
