import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import { type AddressUsage, type AddressUse, addressUses, type customerEvents } from "./events.ts";

type Data<K extends keyof typeof customerEvents> = DataOf<typeof customerEvents, K>;

export type CustomerStatus = "active" | "inactive" | "suspended";
export type Profile = { readonly [K in keyof Data<"ProfileChanged">]?: string };
/** What is left out stays as it is, and `null` clears. */
export type PreferencesChange = Data<"PreferencesChanged">;
type Given<T> = { readonly [K in keyof T]?: NonNullable<T[K]> };
export type Preferences = Given<Data<"PreferencesChanged">>;
export type KeptAddress = Data<"AddressAdded">;

/** Granted or withdrawn, as it was said. Times are epoch milliseconds. */
export interface ConsentEntry extends Data<"ConsentGranted"> {
  readonly granted: boolean;
  readonly time: number;
}

/** Who buys here by name. What is personal is sealed. Times are epoch milliseconds. */
export interface Customer {
  readonly emailRef: string;
  readonly email: string;
  /** How many addresses there have been: a link to another one names the one that it is for. */
  readonly emails: number;
  readonly keyId: string;
  readonly status: CustomerStatus;
  readonly reason?: string;
  readonly profile: Profile;
  readonly preferences: Preferences;
  /** In the order in which they were added. */
  readonly addresses: readonly KeptAddress[];
  readonly defaults: { readonly [use in AddressUse]?: string };
  /** All that was ever said, oldest first. */
  readonly consents: readonly ConsentEntry[];
  readonly registeredAt: number;
  readonly updatedAt: number;
  /** Since when it is inactive. */
  readonly inactiveSince?: number;
}

/** Whether an address may stand for a use. */
export function fits(usage: AddressUsage, use: AddressUse): boolean {
  return usage === "both" || usage === use;
}

/** How each event changes a customer, for the write side and the read model alike. */
export const foldedCustomerEvents = {
  CustomerRegistered: (
    _: unknown,
    { emailRef, email, keyId }: Data<"CustomerRegistered">,
    { time }: EvolveContext,
  ): Customer => ({
    emailRef,
    email,
    emails: 1,
    keyId,
    status: "active",
    profile: {},
    preferences: {},
    addresses: [],
    defaults: {},
    consents: [],
    registeredAt: time,
    updatedAt: time,
  }),
  ProfileChanged: (customer: Customer, data: Data<"ProfileChanged">, { time }: EvolveContext): Customer => ({
    ...customer,
    profile: merged(customer.profile, data),
    updatedAt: time,
  }),
  PreferencesChanged: (
    customer: Customer,
    data: Data<"PreferencesChanged">,
    { time }: EvolveContext,
  ): Customer => ({ ...customer, preferences: merged(customer.preferences, data), updatedAt: time }),
  EmailChanged: (customer: Customer, data: Data<"EmailChanged">, { time }: EvolveContext): Customer => ({
    ...customer,
    ...data,
    emails: customer.emails + 1,
    updatedAt: time,
  }),
  AddressAdded: (customer: Customer, data: Data<"AddressAdded">, { time }: EvolveContext): Customer => ({
    ...customer,
    addresses: [...customer.addresses, data],
    updatedAt: time,
  }),
  AddressReplaced: (
    customer: Customer,
    data: Data<"AddressReplaced">,
    { time }: EvolveContext,
  ): Customer => ({
    ...customer,
    addresses: customer.addresses.map((each) => (each.addressId === data.addressId ? data : each)),
    updatedAt: time,
  }),
  AddressRemoved: (
    customer: Customer,
    { addressId }: Data<"AddressRemoved">,
    { time }: EvolveContext,
  ): Customer => ({
    ...customer,
    addresses: customer.addresses.filter((each) => each.addressId !== addressId),
    defaults: Object.fromEntries(
      addressUses.flatMap((use) => {
        const kept = customer.defaults[use];
        return kept !== undefined && kept !== addressId ? [[use, kept]] : [];
      }),
    ),
    updatedAt: time,
  }),
  DefaultAddressSet: (
    customer: Customer,
    { use, addressId }: Data<"DefaultAddressSet">,
    { time }: EvolveContext,
  ): Customer => {
    const { [use]: _, ...others } = customer.defaults;
    const defaults = addressId === undefined ? others : { ...others, [use]: addressId };
    return { ...customer, defaults, updatedAt: time };
  },
  ConsentGranted: (customer: Customer, data: Data<"ConsentGranted">, { time }: EvolveContext): Customer =>
    said(customer, { ...data, granted: true, time }),
  ConsentWithdrawn: (customer: Customer, data: Data<"ConsentWithdrawn">, { time }: EvolveContext): Customer =>
    said(customer, { ...data, granted: false, time }),
  CustomerSuspended: (
    customer: Customer,
    { reason }: Data<"CustomerSuspended">,
    { time }: EvolveContext,
  ): Customer => ({ ...customer, status: "suspended", reason, updatedAt: time }),
  CustomerDeactivated: (customer: Customer, _: unknown, { time }: EvolveContext): Customer => ({
    ...customer,
    status: "inactive",
    inactiveSince: time,
    updatedAt: time,
  }),
  CustomerReactivated: (
    { reason: _, inactiveSince: __, ...customer }: Customer,
    ___: unknown,
    { time }: EvolveContext,
  ): Customer => ({ ...customer, status: "active", updatedAt: time }),
};

/** The newest of what was said of each purpose. */
export function consentsNow({ consents }: Pick<Customer, "consents">): ConsentEntry[] {
  return [...new Map(consents.map((entry) => [entry.purpose, entry])).values()];
}

function said(customer: Customer, entry: ConsentEntry): Customer {
  return { ...customer, consents: [...customer.consents, entry], updatedAt: entry.time };
}

function merged<T extends object>(before: T, changes: { [K in keyof T]?: T[K] | null | undefined }): T {
  const all = Object.entries({ ...before, ...changes }).filter(([, value]) => value != null);
  return Object.fromEntries(all) as T;
}
