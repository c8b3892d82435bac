import { isDeepStrictEqual } from "node:util";
import { type DataOf, decider, type EventOf, type EvolveContext } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { type AddressUse, addressUses, customerEvents } from "./events.ts";
import { type Customer, consentsNow, fits, foldedCustomerEvents, type KeptAddress } from "./state.ts";

export const addressesMax = 50;
/** What was ever said of consents: a stream is replayed as a whole. */
export const consentsMax = 1_000;
/** An account that its customer has closed is opened again by a login within so many days. */
export const restoredWithinMs = 30 * 86_400_000;

type CustomerEvent = EventOf<typeof customerEvents>;
type Data<K extends keyof typeof customerEvents> = DataOf<typeof customerEvents, K>;

export type CustomerState =
  | { readonly phase: "absent" }
  | { readonly phase: "there"; readonly customer: Customer };

const changed =
  <D>(change: (customer: Customer, data: D, context: EvolveContext) => Customer) =>
  (state: CustomerState, data: D, context: EvolveContext): CustomerState => ({
    phase: "there",
    customer: change(customerIn(state), data, context),
  });

/** Somebody who has proven a mailbox. What is personal comes sealed: equal values are equal texts. */
export const customer = decider({
  category: "customer",
  events: customerEvents,
  initial: (): CustomerState => ({ phase: "absent" }),
  evolve: {
    CustomerRegistered: (_, data, context): CustomerState => ({
      phase: "there",
      customer: foldedCustomerEvents.CustomerRegistered(_, data, context),
    }),
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
  },
  decide: {
    /** Once, by one link: the same one again is refused. @throws Problem token_invalid */
    Register: (
      state: CustomerState,
      { profile, preferences, consents, ...data }: Register,
    ): CustomerEvent[] => {
      if (state.phase !== "absent") throw new Problem("token_invalid", "the link was used before");
      const events: CustomerEvent[] = [{ type: "CustomerRegistered", data }];
      if (hasContent(profile)) events.push({ type: "ProfileChanged", data: profile });
      if (hasContent(preferences)) events.push({ type: "PreferencesChanged", data: preferences });
      for (const consent of consents) events.push({ type: "ConsentGranted", data: consent });
      return events;
    },

    /** What is left out stays as it was, and `null` clears. */
    Change: (state: CustomerState, { profile, preferences }: Change): CustomerEvent[] => {
      const { profile: before, preferences: preferred } = found(state);
      const events: CustomerEvent[] = [];
      const profileNews = newsOf(before, profile);
      const preferenceNews = newsOf(preferred, preferences);
      if (hasContent(profileNews)) events.push({ type: "ProfileChanged", data: profileNews });
      if (hasContent(preferenceNews)) events.push({ type: "PreferencesChanged", data: preferenceNews });
      return events;
    },

    /** @param expected which address is replaced, by its number. @throws Problem token_invalid when it was already */
    ChangeEmail: (
      state: CustomerState,
      { expected, ...data }: Data<"EmailChanged"> & { expected: number },
    ): CustomerEvent[] => {
      if (found(state).emails !== expected)
        throw new Problem("token_invalid", "the address was changed since");
      return [{ type: "EmailChanged", data }];
    },

    /** The first that fits a use becomes its default. @throws Problem limit_reached */
    AddAddress: (state: CustomerState, data: KeptAddress): CustomerEvent[] => {
      const { addresses, defaults } = found(state);
      const known = addresses.find(({ addressId }) => addressId === data.addressId);
      if (known) return [];
      if (addresses.length >= addressesMax)
        throw new Problem("limit_reached", `at most ${addressesMax} addresses are kept`);
      return [{ type: "AddressAdded", data }, ...defaultsAfter(defaults, [...addresses, data])];
    },

    ChangeAddress: (state: CustomerState, data: KeptAddress): CustomerEvent[] => {
      const { addresses, defaults } = found(state);
      const known = addresses.find(({ addressId }) => addressId === data.addressId);
      if (!known) throw notFound("address", data.addressId);
      if (isDeepStrictEqual(known, data)) return [];
      const changed = addresses.map((each) => (each === known ? data : each));
      return [{ type: "AddressReplaced", data }, ...defaultsAfter(defaults, changed)];
    },

    /** The newest that fits takes the place of a default that is gone. */
    RemoveAddress: (state: CustomerState, { addressId }: { addressId: string }): CustomerEvent[] => {
      const { addresses, defaults } = found(state);
      if (!addresses.some((each) => each.addressId === addressId)) throw notFound("address", addressId);
      const left = addresses.filter((each) => each.addressId !== addressId);
      return [{ type: "AddressRemoved", data: { addressId } }, ...defaultsAfter(defaults, left)];
    },

    /** @throws Problem not_found; illegal_transition for one that is not for this use */
    SetDefaults: (
      state: CustomerState,
      wanted: { [use in AddressUse]?: string | undefined },
    ): CustomerEvent[] => {
      const { addresses, defaults } = found(state);
      return addressUses.flatMap((use): CustomerEvent[] => {
        const addressId = wanted[use];
        if (addressId === undefined || addressId === defaults[use]) return [];
        const address = addresses.find((each) => each.addressId === addressId);
        if (!address) throw notFound("address", addressId);
        if (!fits(address.usage, use)) throw illegalTransition(`the address is not one for ${use}`);
        return [{ type: "DefaultAddressSet", data: { use, addressId } }];
      });
    },

    SetConsent: (
      state: CustomerState,
      { granted, ...consent }: Data<"ConsentGranted"> & { granted: boolean },
    ): CustomerEvent[] => {
      const now = found(state);
      const last = consentsNow(now).find(({ purpose }) => purpose === consent.purpose);
      // What was never granted need not be withdrawn; the same text granted again says nothing new.
      if (granted ? last?.granted && last.textVersion === consent.textVersion : !last?.granted) return [];
      if (now.consents.length >= consentsMax)
        throw new Problem("limit_reached", `consents are changed at most ${consentsMax} times`);
      return [{ type: granted ? "ConsentGranted" : "ConsentWithdrawn", data: consent }];
    },

    Suspend: (state: CustomerState, data: { reason: string }): CustomerEvent[] =>
      found(state).status === "suspended" ? [] : [{ type: "CustomerSuspended", data }],

    /** By the customer: a login within a month opens the account again. */
    Deactivate: (state: CustomerState, _: Record<never, never>): CustomerEvent[] => {
      const { status } = found(state);
      if (status === "suspended") throw illegalTransition("the account is suspended");
      return status === "inactive" ? [] : [{ type: "CustomerDeactivated", data: {} }];
    },

    /** By a login, for one that its customer has closed; by staff, for any. */
    Reactivate: (state: CustomerState, { byStaff }: { byStaff: boolean }, { now }): CustomerEvent[] => {
      const { status, inactiveSince = now } = found(state);
      if (status === "active") return [];
      if (byStaff) return [{ type: "CustomerReactivated", data: {} }];
      if (status === "suspended") throw new Problem("account_suspended", "the account is suspended");
      if (now - inactiveSince > restoredWithinMs) throw illegalTransition("the account was closed for good");
      return [{ type: "CustomerReactivated", data: {} }];
    },
  },
  weigh: (state: CustomerState) =>
    state.phase === "absent"
      ? 0
      : 1_000 + state.customer.addresses.length * 800 + state.customer.consents.length * 200,
});

interface Register extends Data<"CustomerRegistered"> {
  profile: Data<"ProfileChanged">;
  preferences: Data<"PreferencesChanged">;
  consents: readonly Data<"ConsentGranted">[];
}

interface Change {
  profile: Data<"ProfileChanged">;
  preferences: Data<"PreferencesChanged">;
}

/** One default for each use whenever an address fits: the one that is, while it does; else the newest. */
function defaultsAfter(
  defaults: Customer["defaults"],
  addresses: readonly KeptAddress[],
): EventOf<Pick<typeof customerEvents, "DefaultAddressSet">>[] {
  return addressUses.flatMap((use) => {
    const fitting = addresses.filter(({ usage }) => fits(usage, use));
    if (fitting.some(({ addressId }) => addressId === defaults[use])) return [];
    const newest = fitting.at(-1)?.addressId;
    if (newest === undefined && defaults[use] === undefined) return [];
    const data = { use, ...(newest !== undefined && { addressId: newest }) };
    return [{ type: "DefaultAddressSet" as const, data }];
  });
}

function newsOf<T extends object>(
  before: T,
  wanted: { [K in keyof T]?: T[K] | null | undefined },
): typeof wanted {
  const news = Object.entries(wanted).filter(
    ([name, value]) =>
      value !== undefined && !isDeepStrictEqual(value ?? undefined, before[name as keyof T] ?? undefined),
  );
  return Object.fromEntries(news) as typeof wanted;
}

function hasContent(data: object): boolean {
  return Object.values(data).some((value) => value !== undefined);
}

function customerIn(state: CustomerState): Customer {
  if (state.phase !== "there") throw new Error("the customer was never registered");
  return state.customer;
}

/** @throws Problem not_found */
export function found(state: CustomerState): Customer {
  if (state.phase !== "there") throw new Problem("not_found", "there is no such customer");
  return state.customer;
}
