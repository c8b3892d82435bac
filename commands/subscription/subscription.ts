import { isDeepStrictEqual } from "node:util";
import { type DataOf, decider, type EventOf, type EvolveContext } from "../../src/engine/decider.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { subscriptionEvents } from "./events.ts";
import { type Endpoint, endpointEvents } from "./state.ts";

type SubscriptionEvent = EventOf<typeof subscriptionEvents>;
type Data<K extends keyof typeof subscriptionEvents> = DataOf<typeof subscriptionEvents, K>;

export type Subscription =
  | { readonly phase: "absent" }
  | { readonly phase: "there"; readonly endpoint: Endpoint }
  | { readonly phase: "deleted" };

type Replay = Data<"ReplayRequested"> & { replace?: boolean | undefined };

type Change = Data<"SubscriptionChanged"> & { enabled?: boolean | undefined };

const changed =
  <D>(change: (endpoint: Endpoint, data: D, context: EvolveContext) => Endpoint) =>
  (state: Subscription, data: D, context: EvolveContext): Subscription => ({
    phase: "there",
    endpoint: change(found(state), data, context),
  });

/**
 * Where a system of somebody else is told what happens, and how far it has been. What is delivered is not on the log:
 * only every now and then up to where all was (`Reach`).
 */
export const subscription = decider({
  category: "subscription",
  events: subscriptionEvents,
  initial: (): Subscription => ({ phase: "absent" }),
  evolve: {
    SubscriptionCreated: (_, data, context): Subscription => ({
      phase: "there",
      endpoint: endpointEvents.SubscriptionCreated(_, data, context),
    }),
    SubscriptionChanged: changed(endpointEvents.SubscriptionChanged),
    SubscriptionEnabled: changed(endpointEvents.SubscriptionEnabled),
    SubscriptionDisabled: changed(endpointEvents.SubscriptionDisabled),
    SubscriptionSecretRotated: changed(endpointEvents.SubscriptionSecretRotated),
    ReplayRequested: changed(endpointEvents.ReplayRequested),
    DeliveriesReached: changed(endpointEvents.DeliveriesReached),
    DeliveriesFailing: changed(endpointEvents.DeliveriesFailing),
    SubscriptionDeleted: (): Subscription => ({ phase: "deleted" }),
  },
  decide: {
    /** Its id comes from the command, so one that exists is this command done before. */
    Create: (state: Subscription, command: Data<"SubscriptionCreated">): SubscriptionEvent[] => {
      if (state.phase !== "absent") return [];
      const data = { ...command, topics: [...new Set(command.topics)] };
      return [{ type: "SubscriptionCreated", data }];
    },

    Change: (state: Subscription, { enabled, ...command }: Change): SubscriptionEvent[] => {
      const endpoint = found(state);
      const wanted = { ...command, ...(command.topics && { topics: [...new Set(command.topics)] }) };
      const data: Data<"SubscriptionChanged"> = Object.fromEntries(
        Object.entries(wanted).filter(
          ([field, value]) =>
            value !== undefined &&
            !isDeepStrictEqual(value ?? undefined, endpoint[field as keyof typeof wanted]),
        ),
      );
      const events: SubscriptionEvent[] = [];
      if (Object.keys(data).length > 0) events.push({ type: "SubscriptionChanged", data });
      if (enabled === true && !endpoint.enabled) events.push({ type: "SubscriptionEnabled", data: {} });
      if (enabled === false && endpoint.enabled) events.push({ type: "SubscriptionDisabled", data: {} });
      return events;
    },

    RotateSecret: (state: Subscription, _: Record<never, never>): SubscriptionEvent[] => {
      found(state);
      return [{ type: "SubscriptionSecretRotated", data: {} }];
    },

    /** Takes the place of one that is under way only where that is meant: what it has not sent is not sent then. */
    Replay: (state: Subscription, { replace, ...command }: Replay): SubscriptionEvent[] => {
      const { replay, topics } = found(state);
      if (replay && replace !== true)
        throw illegalTransition("a replay is under way: wait for its end, or say `replace`");
      if (command.topics && !command.topics.some((topic) => topics.includes(topic)))
        throw new Problem("validation_failed", "the endpoint does not subscribe to any of these topics", {
          errors: [{ path: "topics", message: "none of them is one that the endpoint subscribes to" }],
        });
      return [{ type: "ReplayRequested", data: command }];
    },

    /** By whoever delivers, from here on: what comes late, of a run before or of one that is gone, is nothing. */
    Reach: (state: Subscription, command: Data<"DeliveriesReached">): SubscriptionEvent[] => {
      if (state.phase !== "there" || state.endpoint.run !== command.run) return [];
      const { reached, replay, failing } = state.endpoint;
      const isNews = !isDeepStrictEqual(reached, command.at) || (replay && command.over) || failing;
      return isNews ? [{ type: "DeliveriesReached", data: command }] : [];
    },

    Fail: (state: Subscription, command: Data<"DeliveriesFailing">): SubscriptionEvent[] => {
      if (state.phase !== "there" || !state.endpoint.enabled || state.endpoint.failing) return [];
      return [{ type: "DeliveriesFailing", data: command }];
    },

    GiveUp: (state: Subscription, { reason }: { reason: string }): SubscriptionEvent[] => {
      if (state.phase !== "there" || !state.endpoint.enabled) return [];
      return [{ type: "SubscriptionDisabled", data: { reason } }];
    },

    Delete: (state: Subscription, _: Record<never, never>): SubscriptionEvent[] => {
      if (state.phase === "deleted") return [];
      found(state);
      return [{ type: "SubscriptionDeleted", data: {} }];
    },
  },
});

/** @throws Problem not_found */
function found(state: Subscription): Endpoint {
  if (state.phase !== "there") throw new Problem("not_found", "there is no such webhook endpoint");
  return state.endpoint;
}
