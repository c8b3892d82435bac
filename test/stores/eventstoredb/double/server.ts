import { setTimeout as sleep } from "node:timers/promises";
import gossipServices from "@eventstore/db-client/generated/gossip_grpc_pb.js";
import gossip from "@eventstore/db-client/generated/gossip_pb.js";
import featuresServices from "@eventstore/db-client/generated/serverfeatures_grpc_pb.js";
import features from "@eventstore/db-client/generated/serverfeatures_pb.js";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streamsServices from "@eventstore/db-client/generated/streams_grpc_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import grpc from "@grpc/grpc-js";
import { Appends } from "./appends.ts";
import { DoubleLog } from "./log.ts";
import { notLeader } from "./messages.ts";
import { Reads } from "./reads.ts";

/** As many calls at once as Kestrel allows on a connection. */
const callsPerConnectionMax = 100;

/** What becomes of the next append, one fault an append. */
export type AppendFault =
  /** Never seen, never answered. */
  | "stall"
  /** Written, never answered. */
  | "lose-answer"
  /** Written; then the process is killed and started again. */
  | "die-after-write"
  /** The process is killed before it is written, and started again. */
  | "die-before-write"
  /** Written, and answered as if it had timed out. */
  | "late"
  | "busy"
  | "not-ready"
  | "not-leader"
  | "access-denied"
  /** Written, and answered without a position. */
  | "no-position";

/** What becomes of the next read, or of the next subscription. */
export type ReadFault =
  | { kind: "stall" }
  | { kind: "not-leader" }
  | { kind: "unavailable" }
  /** The connection breaks after so many events. */
  | { kind: "cut"; afterEvents: number }
  /** Nothing comes any more after so many events. */
  | { kind: "hang"; afterEvents: number };

export interface DoubleOptions {
  /** 0 for any that is free. */
  port?: number;
  /** Kept here, and there again at the next start. */
  folder?: string;
  version?: string;
}

/** A process that speaks the protocol of EventStoreDB 24.2, with the faults that it has, on demand. */
export class EventStoreDouble {
  readonly log: DoubleLog;
  readonly appendFaults: AppendFault[] = [];
  readonly readFaults: ReadFault[] = [];
  readonly subscriptionFaults: ReadFault[] = [];
  /** Every answer waits so long. */
  slowMs = 0;
  /** What is written is seen, and answered, so much later; until then the same append again is dropped. */
  replicationMs = 0;
  /** So many times more it does not even tell its version. */
  unreadyTimes = 0;
  /** A follower refuses what asks for the leader, and names this port. */
  leaderPort: number | undefined;
  /** Which nodes gossip tells of; itself when empty. */
  members: { port: number; isLeader: boolean }[] = [];
  /** The reads that clients have not ended, subscriptions included. */
  readonly openReads = new Set<unknown>();
  readonly openAppends = new Set<object>();
  readonly muted = new WeakSet<object>();
  appendsSeen = 0;
  readsSeen = 0;
  eventsSent = 0;
  port: number;
  private readonly version: string;
  private server: grpc.Server | undefined;
  private readonly watchers = new Set<() => void>();
  /** Records before it are to be read: as in a cluster, what is written is seen a little later. */
  visible = 0;

  private constructor(options: DoubleOptions) {
    this.log = new DoubleLog(options.folder);
    this.visible = this.log.records.length;
    this.port = options.port ?? 0;
    this.version = options.version ?? "24.2.0.0";
  }

  static async start(options: DoubleOptions = {}): Promise<EventStoreDouble> {
    const double = new EventStoreDouble(options);
    await double.listen();
    return double;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** Begins to listen, on the port that it had. */
  async listen(): Promise<void> {
    const server = new grpc.Server({
      "grpc.max_concurrent_streams": callsPerConnectionMax,
      "grpc.max_receive_message_length": 17 * 1024 * 1024,
    });
    const appends = new Appends(this);
    const reads = new Reads(this);
    const streamsService: grpc.UntypedServiceImplementation = {
      batchAppend: (call: grpc.ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>) =>
        appends.serve(call),
      read: (call: grpc.ServerWritableStream<streams.ReadReq, streams.ReadResp>) => reads.serve(call),
      delete: unary((request: streams.DeleteReq) => {
        this.log.delete(streamNameOf(request));
        return new streams.DeleteResp();
      }),
      tombstone: unary((request: streams.TombstoneReq) => {
        this.log.tombstone(streamNameOf(request));
        return new streams.TombstoneResp();
      }),
    };
    server.addService(streamsServices.StreamsService, streamsService);
    const supported: grpc.UntypedServiceImplementation = {
      getSupportedMethods: (_: unknown, respond: grpc.sendUnaryData<features.SupportedMethods>) => {
        if (this.unreadyTimes-- > 0)
          respond({ code: grpc.status.UNAVAILABLE, details: "Server Is Not Ready" });
        else respond(null, this.supported());
      },
    };
    server.addService(featuresServices.ServerFeaturesService, supported);
    server.addService(gossipServices.GossipService, { read: unary(() => this.cluster()) });
    this.server = server;
    this.port = await new Promise((resolve, reject) => {
      const insecure = grpc.ServerCredentials.createInsecure();
      server.bindAsync(`127.0.0.1:${this.port}`, insecure, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  /** As kill -9: every connection breaks, what is in memory only is forgotten. */
  kill(): void {
    this.server?.forceShutdown();
    this.server = undefined;
    this.log.forgetIds();
    this.publish();
  }

  async killAndRestart(downMs = 20): Promise<void> {
    this.kill();
    await sleep(downMs);
    await this.listen();
  }

  close(): void {
    this.server?.forceShutdown();
    this.log.close();
  }

  /** What is sent from here on, on the append streams that are open now, is never seen. */
  muteOpenAppends(): void {
    for (const call of this.openAppends) this.muted.add(call);
  }

  /** Lets reads and subscriptions see what has been written. */
  publish(): void {
    this.visible = this.log.records.length;
    for (const wake of this.watchers) wake();
  }

  /** Until there may be more to see. @returns what stops waiting */
  watch(wake: () => void): () => void {
    this.watchers.add(wake);
    return () => this.watchers.delete(wake);
  }

  /** Why a call that asks for the leader is refused, when this node is none. */
  refusal(metadata: grpc.Metadata): Partial<grpc.StatusObject> | undefined {
    const asksForLeader = metadata.get("requires-leader")[0] === "true";
    return asksForLeader && this.leaderPort !== undefined ? notLeader(this.leaderPort) : undefined;
  }

  private supported(): features.SupportedMethods {
    const methods = ["batchappend", "read", "append"].map((name) => {
      const method = new features.SupportedMethod();
      method.setMethodName(name);
      method.setServiceName("event_store.client.streams.streams");
      method.setFeaturesList(["stream", "all"]);
      return method;
    });
    const supported = new features.SupportedMethods();
    supported.setEventStoreServerVersion(this.version);
    supported.setMethodsList(methods);
    return supported;
  }

  private cluster(): gossip.ClusterInfo {
    const members = this.members.length > 0 ? this.members : [{ port: this.port, isLeader: true }];
    const info = new gossip.ClusterInfo();
    info.setMembersList(
      members.map(({ port, isLeader }) => {
        const endpoint = new gossip.EndPoint();
        endpoint.setAddress("127.0.0.1");
        endpoint.setPort(port);
        const id = new shared.UUID();
        id.setString("00000000-0000-4000-8000-000000000000");
        const member = new gossip.MemberInfo();
        const { LEADER, FOLLOWER } = gossip.MemberInfo.VNodeState;
        member.setState(isLeader ? LEADER : FOLLOWER);
        member.setIsAlive(true);
        member.setHttpEndPoint(endpoint);
        member.setInstanceId(id);
        member.setTimeStamp("0");
        return member;
      }),
    );
    return info;
  }
}

function unary<Request, Response>(
  answer: (request: Request) => Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, respond) => respond(null, answer(call.request));
}

function streamNameOf(request: streams.DeleteReq | streams.TombstoneReq): string {
  const name = request.getOptions()?.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  return Buffer.from(name).toString("utf8");
}
