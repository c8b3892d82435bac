import { type Customer, type CustomerStatus, foldedCustomerEvents } from "../commands/customer/state.ts";
import type { ShopEvents } from "../commands/events.ts";
import type { EvolveContext } from "../src/engine/decider.ts";
import { type Handler, projectionOf } from "../src/engine/projection.ts";
import type { Condition, ViewModel } from "../src/stores/view-store/view-store.ts";
import { known, streamKey } from "./handlers.ts";
import { type Page, type PageRequest, pageQuery } from "./page.ts";

/** A customer, sealed as on the log, with what has been bought. */
interface CustomerDoc extends Customer {
  readonly orders: number;
  /** Epoch milliseconds. */
  readonly lastOrderAt?: number;
}

/** A customer with the id, as staff's lists show it once it is opened. */
export type ListedCustomer = CustomerDoc & { readonly id: string };

export interface CustomersQuery extends PageRequest {
  /** What the vault knows an e-mail address by. */
  emailRef?: string | undefined;
  status?: CustomerStatus | undefined;
}

/** Ids that are no customer's of this shop come with imported orders. */
const accountId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

function changed<D>(
  change: (customer: Customer, data: D, context: EvolveContext) => Customer,
): Handler<CustomerDoc, D> {
  return {
    keys: streamKey,
    change: (doc, event) => {
      const { orders, lastOrderAt } = known(doc, event);
      const customer = change(known(doc, event), event.data, event);
      return { ...customer, orders, ...(lastOrderAt !== undefined && { lastOrderAt }) };
    },
  };
}

/** Whom staff finds by e-mail address and status, and what they have bought. */
export const customersProjection = projectionOf<ShopEvents>()<CustomerDoc>({
  name: "customers",
  version: 1,
  columns: { registeredAt: "number", emailRef: "text", status: "text" },
  indexes: [["registeredAt"], ["emailRef", "registeredAt"], ["status", "registeredAt"]],
  columnsOf: ({ registeredAt, emailRef, status }) => ({ registeredAt, emailRef, status }),
  on: {
    CustomerRegistered: {
      keys: streamKey,
      change: (doc, event) => ({
        ...foldedCustomerEvents.CustomerRegistered(doc, event.data, event),
        orders: 0,
      }),
    },
    ProfileChanged: changed(foldedCustomerEvents.ProfileChanged),
    PreferencesChanged: changed(foldedCustomerEvents.PreferencesChanged),
    EmailChanged: changed(foldedCustomerEvents.EmailChanged),
    AddressAdded: changed(foldedCustomerEvents.AddressAdded),
    AddressReplaced: changed(foldedCustomerEvents.AddressReplaced),
    AddressRemoved: changed(foldedCustomerEvents.AddressRemoved),
    DefaultAddressSet: changed(foldedCustomerEvents.DefaultAddressSet),
    ConsentGranted: changed(foldedCustomerEvents.ConsentGranted),
    ConsentWithdrawn: changed(foldedCustomerEvents.ConsentWithdrawn),
    CustomerSuspended: changed(foldedCustomerEvents.CustomerSuspended),
    CustomerDeactivated: changed(foldedCustomerEvents.CustomerDeactivated),
    CustomerReactivated: changed(foldedCustomerEvents.CustomerReactivated),
    OrderPlaced: {
      keys: ({ data: { customerId } }) =>
        customerId !== undefined && accountId.test(customerId) ? customerId : [],
      change: (doc, { time }) => doc && { ...doc, orders: doc.orders + 1, lastOrderAt: time },
    },
  },
});

/** Newest first. */
export async function listCustomers(
  model: ViewModel,
  { emailRef, status, ...page }: CustomersQuery,
): Promise<Page<ListedCustomer>> {
  const where: Condition[] = [];
  if (emailRef !== undefined) where.push({ column: "emailRef", eq: emailRef });
  if (status !== undefined) where.push({ column: "status", eq: status });
  const sort = [{ column: "registeredAt", descending: true }];
  const { items, next } = await model.find({ where, sort, ...pageQuery(page) });
  return { items: items.map(({ key, json }) => customerOf(key, json)), next };
}

export async function getCustomer(model: ViewModel, id: string): Promise<ListedCustomer | undefined> {
  const stored = (await model.load([id])).documents.get(id);
  return stored && customerOf(id, stored.json);
}

function customerOf(id: string, json: string): ListedCustomer {
  return { ...(JSON.parse(json) as CustomerDoc), id };
}
