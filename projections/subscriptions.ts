import type { ShopEvents } from "../commands/events.ts";
import { type Endpoint, endpointEvents } from "../commands/subscription/state.ts";
import type { EvolveContext } from "../src/engine/decider.ts";
import { type Handler, projectionOf } from "../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../src/stores/view-store/view-store.ts";
import { known, streamKey } from "./handlers.ts";
import { type PageRequest, pageQuery } from "./page.ts";

/** An endpoint with its id. */
export type ListedEndpoint = Endpoint & { readonly id: string };

function changed<D>(
  change: (endpoint: Endpoint, data: D, context: EvolveContext) => Endpoint,
): Handler<Endpoint, D> {
  return { keys: streamKey, change: (doc, event) => change(known(doc, event), event.data, event) };
}

/** Who is told what happens, and how far each has been told of it. */
export const subscriptionsProjection = projectionOf<ShopEvents>()<Endpoint>({
  name: "subscriptions",
  version: 1,
  columns: { createdAt: "number" },
  indexes: [["createdAt"]],
  columnsOf: ({ createdAt }) => ({ createdAt }),
  present: (endpoint, id) => ({ id, ...endpoint }),
  on: {
    SubscriptionCreated: {
      keys: streamKey,
      change: (doc, event) => endpointEvents.SubscriptionCreated(doc, event.data, event),
    },
    SubscriptionChanged: changed(endpointEvents.SubscriptionChanged),
    SubscriptionEnabled: changed(endpointEvents.SubscriptionEnabled),
    SubscriptionDisabled: changed(endpointEvents.SubscriptionDisabled),
    SubscriptionSecretRotated: changed(endpointEvents.SubscriptionSecretRotated),
    ReplayRequested: changed(endpointEvents.ReplayRequested),
    DeliveriesReached: changed(endpointEvents.DeliveriesReached),
    DeliveriesFailing: changed(endpointEvents.DeliveriesFailing),
    SubscriptionDeleted: { keys: streamKey, change: () => undefined },
  },
});

/** Oldest first. */
export async function listEndpoints(
  model: ViewModel,
  page: PageRequest,
): Promise<{ endpoints: ListedEndpoint[]; next: readonly ColumnValue[] | null }> {
  const { items, next } = await model.find({ sort: [{ column: "createdAt" }], ...pageQuery(page) });
  return { endpoints: items.map(({ json }) => JSON.parse(json) as ListedEndpoint), next };
}
