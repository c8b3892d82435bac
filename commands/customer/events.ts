import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

/** Personal: sealed before it comes here, and opened where it is shown (CUSTOMERS.md, 1). */
const sealed = z.string().regex(/^s1\./);

export const genders = ["female", "male", "other", "undisclosed"] as const;
export const addressLabels = ["home", "work", "other"] as const;
export const addressUsages = ["shipping", "billing", "both"] as const;
export const addressUses = ["shipping", "billing"] as const;
export const consentPurposes = ["newsletter", "profiling", "third_party", "sms", "terms", "privacy"] as const;
export const legalBases = ["consent", "contract", "legitimate_interest"] as const;
export const channels = ["email", "sms", "push"] as const;

export type AddressUse = (typeof addressUses)[number];
export type AddressUsage = (typeof addressUsages)[number];

const profile = z.object({
  firstName: sealed,
  lastName: sealed,
  phone: sealed,
  gender: sealed,
  birthDate: sealed,
  avatar: sealed,
});

const preferences = z.object({
  /** BCP 47. */
  language: z.string(),
  currency: z.string(),
  categories: z.array(z.string()),
  brands: z.array(z.string()),
  /** Minor units of `currency`. */
  priceRange: z.object({ min: z.int().optional(), max: z.int().optional() }),
  /** Channels on which the shop may tell of orders. */
  notifications: z.partialRecord(z.enum(channels), z.boolean()),
});

const keptAddress = z.object({
  addressId: z.string(),
  label: z.enum(addressLabels),
  usage: z.enum(addressUsages),
  /** As the address has it: what can be sent where is not personal. */
  country: z.string(),
  address: sealed,
});

const consent = z.object({
  purpose: z.enum(consentPurposes),
  basis: z.enum(legalBases),
  /** Of what the customer has read. */
  textVersion: z.string(),
});

const nullable = <S extends z.ZodRawShape>(shape: z.ZodObject<S>) =>
  z.object(
    Object.fromEntries(
      Object.entries(shape.shape).map(([name, field]) => [name, (field as z.ZodType).nullish()]),
    ),
  ) as unknown as z.ZodObject<{ [K in keyof S]: z.ZodOptional<z.ZodNullable<S[K]>> }>;

export const customerEvents = {
  /** The mailbox is proven by then. `emailRef` is what the vault knows its address by. */
  CustomerRegistered: event(z.object({ emailRef: z.string(), email: sealed, keyId: z.string() })),
  /** What has changed; `null` where it was cleared. */
  ProfileChanged: event(nullable(profile)),
  PreferencesChanged: event(nullable(preferences)),
  EmailChanged: event(z.object({ emailRef: z.string(), email: sealed })),
  AddressAdded: event(keptAddress),
  AddressReplaced: event(keptAddress),
  AddressRemoved: event(z.object({ addressId: z.string() })),
  /** Without an address there is no default for this use any more. */
  DefaultAddressSet: event(z.object({ use: z.enum(addressUses), addressId: z.string().optional() })),
  ConsentGranted: event(consent),
  ConsentWithdrawn: event(consent),
  CustomerSuspended: event(z.object({ reason: z.string() })),
  CustomerDeactivated: event(z.object({})),
  CustomerReactivated: event(z.object({})),
};
