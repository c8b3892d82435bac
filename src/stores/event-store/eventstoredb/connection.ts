import { isIP } from "node:net";
import { EventStoreDBClient } from "@eventstore/db-client";
import readStreams from "@eventstore/db-client/dist/streams/utils/ReadStream.js";
import services from "@eventstore/db-client/generated/streams_grpc_pb.js";
import type streams from "@eventstore/db-client/generated/streams_pb.js";
import { StoreDamaged, StoreUnavailable } from "../event-store.ts";
import { ServerClock } from "./clock.ts";
import { ClientReplaced, reasonOf } from "./errors.ts";
import { type ReceivedEvent, readAnswer } from "./received.ts";

/** The oldest server whose stream reads and appends were seen to tell positions. */
const oldestVersion = [24, 2] as const;
/** A client that is replaced has so long to find its channel, which is then closed. */
const disposeMsMax = 3_000;

export type StreamsClient = InstanceType<typeof services.StreamsClient>;
type CallArguments = [Parameters<StreamsClient["batchAppend"]>[0] & object, { deadline: number }];
type ReadCall = ReturnType<StreamsClient["read"]>;
/** What a read brings, one after the other, until it ends or is cancelled. */
export type Received = readStreams.ReadStream<ReceivedEvent>;

/** How the client finds a node, makes calls and goes to another node: protected by its types. */
interface ClientInternals {
  getGRPCClient(service: typeof services.StreamsClient, name: string): Promise<StreamsClient>;
  callArguments(options: object, callOptions: { deadline: number }): CallArguments;
  GRPCStreamCreator(
    service: typeof services.StreamsClient,
    name: string,
    create: (streams: StreamsClient) => ReadCall,
  ): () => Promise<ReadCall>;
  handleError(client: StreamsClient, error: Error): Promise<void>;
  readonly capabilities: Promise<{ serverVersion: string }>;
  getChannel(): Promise<{ close(): void }>;
}

/** The client in use. One whose discovery has failed, or that nothing is heard of, is replaced by a new one. */
export class Connection {
  readonly clock: ServerClock;
  private readonly url: string;
  private readonly connectMs: number;
  private current: EventStoreDBClient;
  private closed = false;
  private heardAt = performance.now();

  /**
   * @param connectMs how long a node may take until it can be talked to
   * @throws RangeError for nodes that are addresses, with TLS
   */
  constructor(url: string, connectMs: number, clock = new ServerClock(() => {})) {
    this.url = url;
    this.connectMs = connectMs;
    this.clock = clock;
    requireNames(url);
    this.current = EventStoreDBClient.connectionString(url);
  }

  get client(): EventStoreDBClient {
    if (this.closed) throw new StoreUnavailable("the event store is closed");
    return this.current;
  }

  /** @throws ClientReplaced when what it has brought may be only the beginning */
  requireCurrent(client: EventStoreDBClient): void {
    if (client !== this.client) throw new ClientReplaced();
  }

  /** Something came from the server. */
  heard(): void {
    this.heardAt = performance.now();
  }

  /** Replaces a client that nothing was heard of since it was asked something. */
  suspect(client: EventStoreDBClient, askedAt: number): void {
    if (this.heardAt < askedAt) this.replace(client);
  }

  replace(failed: EventStoreDBClient): void {
    if (this.closed || failed !== this.current) return;
    this.current = EventStoreDBClient.connectionString(this.url);
    void dispose(failed);
  }

  /**
   * A client for the service of streams, on a channel that is up.
   * @throws StoreUnavailable when there is none: nothing can have been sent
   */
  async streams(client: EventStoreDBClient): Promise<StreamsClient> {
    try {
      const streams = await within(
        this.connectMs,
        internals(client).getGRPCClient(services.StreamsClient, "streams"),
      );
      await new Promise<void>((resolve, reject) => {
        streams.waitForReady(Date.now() + this.connectMs, (error) => (error ? reject(error) : resolve()));
      });
      return streams;
    } catch (error) {
      this.replace(client);
      throw new StoreUnavailable(`EventStoreDB is away: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Metadata and options of a call that has no deadline, with the credentials of the connection string. */
  callArguments(client: EventStoreDBClient): CallArguments {
    return internals(client).callArguments({}, { deadline: Number.POSITIVE_INFINITY });
  }

  /**
   * Reads, as the client does: it finds the node, tells errors by its classes, and looks for another node after one. Only
   * what comes is not made into its objects, which parse all of each event and cost most of what a read does.
   */
  read(
    client: EventStoreDBClient,
    request: streams.ReadReq,
    { requiresLeader = false, bufferedMax }: { requiresLeader?: boolean; bufferedMax?: number } = {},
  ): Received {
    const create = this.callOf(client, request, { requiresLeader, decode: readAnswer });
    const own = (event: unknown) => event as ReceivedEvent;
    return new readStreams.ReadStream(
      create,
      own,
      bufferedMax === undefined ? {} : { highWaterMark: bufferedMax },
    );
  }

  /** As `read`, from any node, but what comes is as it came: buffers of ReadResp. */
  readRaw(client: EventStoreDBClient, request: streams.ReadReq): Promise<ReadCall> {
    const decode = (bytes: Buffer) => bytes as unknown as streams.ReadResp;
    return this.callOf(client, request, { requiresLeader: false, decode })();
  }

  private callOf(
    client: EventStoreDBClient,
    request: streams.ReadReq,
    { requiresLeader, decode }: { requiresLeader: boolean; decode: (bytes: Buffer) => streams.ReadResp },
  ): () => Promise<ReadCall> {
    const { path, requestSerialize } = services.StreamsService.read;
    const call = (streams: StreamsClient): ReadCall => {
      const askedAt = Date.now();
      const input = internals(client).callArguments(
        { requiresLeader },
        { deadline: Number.POSITIVE_INFINITY },
      );
      const made = streams.makeServerStreamRequest(path, requestSerialize, decode, request, ...input);
      made.on("metadata", (head) => this.clock.answered(head.get("date")[0]?.toString(), askedAt));
      return made;
    };
    return internals(client).GRPCStreamCreator(services.StreamsClient, "read", call);
  }

  /** Lets the client look for another node, or for the leader that the error names. */
  async failed(client: EventStoreDBClient, streams: StreamsClient, error: Error): Promise<void> {
    await internals(client).handleError(streams, error);
  }

  /**
   * @throws StoreDamaged for a server too old to tell where its events stand
   * @throws StoreUnavailable
   */
  async requireVersion(): Promise<void> {
    const serverVersion = await this.version();
    const [major = 0, minor = 0] = serverVersion.split(".").map(Number);
    const isKnown = major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
    if (!isKnown)
      throw new StoreDamaged(
        `EventStoreDB ${serverVersion} does not tell the positions of what it reads: ${oldestVersion.join(".")} or later is needed`,
      );
  }

  /** Of the server, such as 24.2.0. @throws StoreUnavailable */
  async version(): Promise<string> {
    const { client } = this;
    await this.streams(client);
    try {
      const { serverVersion } = await within(this.connectMs, internals(client).capabilities);
      return serverVersion;
    } catch (error) {
      this.replace(client);
      throw new StoreUnavailable(`EventStoreDB does not tell its version: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await dispose(this.current);
  }
}

/**
 * Node.js takes no IP address for the name of a TLS server (RFC 6066, section 3): such a node is never reached,
 * and nothing says why.
 */
function requireNames(url: string): void {
  const [, authority = "", query = ""] = /^[^:]+:\/\/(?:[^@/]*@)?([^/?]*)[^?]*\??(.*)$/.exec(url) ?? [];
  const isPlain = new URLSearchParams(query.toLowerCase()).get("tls") === "false";
  const addresses = authority
    .split(",")
    .filter((node) => isIP(node.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")));
  if (!isPlain && addresses.length > 0)
    throw new RangeError(
      `with TLS, EventStoreDB's nodes have to be named: ${addresses.join(", ")} is an address. Name the host, or say tls=false`,
    );
}

function internals(client: EventStoreDBClient): ClientInternals {
  return client as unknown as ClientInternals;
}

/** Ends the streams and the channel, which `dispose` alone leaves open. */
async function dispose(client: EventStoreDBClient): Promise<void> {
  try {
    // It cancels what is open at once, and then waits for ends that a cancelled stream may never tell.
    client.dispose().catch(() => {});
    const channel = await within(disposeMsMax, internals(client).getChannel());
    channel.close();
  } catch {
    // It had found no node, so it has no channel.
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
