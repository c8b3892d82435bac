import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import type { Place, subscriptionEvents } from "./events.ts";

type Data<K extends keyof typeof subscriptionEvents> = DataOf<typeof subscriptionEvents, K>;

/** A replay that is under way: in the order of the log, up to where deliveries had come before it. */
export interface Replay {
  readonly from?: Place;
  /** Epoch milliseconds: what happened before is passed over. */
  readonly notBefore?: number;
  /** Of those that it subscribes to; all of them when they are left out. */
  readonly topics?: readonly string[];
  /** Left out where nothing had been reached yet. */
  readonly until?: Place;
}

/** Where a system of somebody else is told what happens. Times are epoch milliseconds. */
export interface Endpoint {
  readonly url: string;
  readonly topics: readonly string[];
  readonly description?: string;
  readonly enabled: boolean;
  /** Why its deliveries were given up. */
  readonly gaveUp?: string;
  readonly failing?: { readonly since: number; readonly reason: string };
  /** How often its secret was made anew, and when last. */
  readonly rotation: number;
  readonly rotatedAt?: number;
  /** How many replays were asked for. */
  readonly run: number;
  /** Up to here all is delivered; where it is left out, up to where it was created, or from where a replay starts. */
  readonly reached?: Place;
  readonly replay?: Replay;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** How each event changes an endpoint, for the write side and the read model alike. */
export const endpointEvents = {
  SubscriptionCreated: (
    _: unknown,
    { url, topics, description }: Data<"SubscriptionCreated">,
    { time }: EvolveContext,
  ): Endpoint => ({
    url,
    topics,
    ...(description !== undefined && { description }),
    enabled: true,
    rotation: 0,
    run: 0,
    createdAt: time,
    updatedAt: time,
  }),
  SubscriptionChanged: (
    { description: before, failing, ...endpoint }: Endpoint,
    { url, topics, description = before }: Data<"SubscriptionChanged">,
    { time }: EvolveContext,
  ): Endpoint => ({
    ...endpoint,
    // What has failed elsewhere says nothing of a new address.
    ...(failing && url === undefined && { failing }),
    ...(url !== undefined && { url }),
    ...(topics && { topics }),
    ...(description != null && { description }),
    updatedAt: time,
  }),
  SubscriptionEnabled: (
    { gaveUp: _, failing: __, ...endpoint }: Endpoint,
    ___: Data<"SubscriptionEnabled">,
    { time }: EvolveContext,
  ): Endpoint => ({ ...endpoint, enabled: true, updatedAt: time }),
  SubscriptionDisabled: (
    endpoint: Endpoint,
    { reason }: Data<"SubscriptionDisabled">,
    { time }: EvolveContext,
  ): Endpoint => ({
    ...endpoint,
    enabled: false,
    ...(reason !== undefined && { gaveUp: reason }),
    updatedAt: time,
  }),
  SubscriptionSecretRotated: (
    endpoint: Endpoint,
    _: Data<"SubscriptionSecretRotated">,
    { time }: EvolveContext,
  ): Endpoint => ({ ...endpoint, rotation: endpoint.rotation + 1, rotatedAt: time, updatedAt: time }),
  ReplayRequested: (
    { reached, replay: before, ...endpoint }: Endpoint,
    { from, notBefore, topics }: Data<"ReplayRequested">,
    { time }: EvolveContext,
  ): Endpoint => {
    // One that takes the place of another ends no sooner than that would have.
    const until = before ? before.until : reached;
    const replay = {
      ...(from && { from }),
      ...(notBefore !== undefined && { notBefore: Date.parse(notBefore) }),
      ...(topics && { topics }),
      ...(until && { until }),
    };
    return { ...endpoint, run: endpoint.run + 1, replay, updatedAt: time };
  },
  DeliveriesReached: (
    { failing: _, replay, ...endpoint }: Endpoint,
    { at, over }: Data<"DeliveriesReached">,
  ): Endpoint => ({ ...endpoint, reached: at, ...(replay && !over && { replay }) }),
  DeliveriesFailing: (endpoint: Endpoint, { since, reason }: Data<"DeliveriesFailing">): Endpoint => ({
    ...endpoint,
    failing: { since: Date.parse(since), reason },
  }),
};
