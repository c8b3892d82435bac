import { z } from "zod";
import {
  addressLabels,
  addressUsages,
  channels,
  consentPurposes,
  genders,
  legalBases,
} from "../../../commands/customer/events.ts";
import { consentsNow } from "../../../commands/customer/state.ts";
import type { LoggedIn } from "../../identity/accounts.ts";
import type { OpenAddress, OpenCustomer } from "../../identity/personal.ts";
import { isoTime } from "../../values/clock.ts";
import { cartAnswer } from "./carts.ts";
import { pageOf } from "./lists.ts";
import { guestOrderAnswer } from "./orders.ts";

const time = z.iso.datetime();

export const tokensAnswer = z
  .strictObject({
    accessToken: z.string().describe("Bearer token of the next minutes"),
    expiresIn: z.int().describe("Seconds"),
    refreshToken: z.string().describe("Good for one use at /v1/auth/refresh"),
    customerId: z.string(),
  })
  .meta({ id: "Tokens" });

const mergeResult = z
  .enum(["assigned", "merged", "cart_locked", "none"])
  .describe(
    "What has become of the guest's cart: it is the customer's now, or its lines are in the one that was there",
  );
export const mergedAnswer = z
  .strictObject({ cart: cartAnswer.optional(), merge: mergeResult })
  .meta({ id: "MergedCart" });
export const loggedInAnswer = tokensAnswer
  .extend({ cart: cartAnswer.optional(), merge: mergeResult.optional() })
  .meta({ id: "LoggedIn" });

export const acceptedAnswer = z
  .strictObject({ accepted: z.literal(true) })
  .meta({ id: "Accepted", description: "Whatever is known of the address: what comes next comes by mail" });

export const addressAnswer = z
  .strictObject({
    id: z.string(),
    label: z.enum(addressLabels),
    usage: z.enum(addressUsages),
    fullName: z.string().optional(),
    addressLine1: z.string().optional(),
    addressLine2: z.string().optional(),
    city: z.string().optional(),
    state: z.string().optional(),
    postalCode: z.string().optional(),
    country: z.string(),
    phone: z.string().optional(),
    coordinates: z.strictObject({ latitude: z.number(), longitude: z.number() }).optional(),
    isDefaultShipping: z.boolean(),
    isDefaultBilling: z.boolean(),
  })
  .meta({ id: "CustomerAddress" });

const consentAnswer = z.strictObject({
  purpose: z.enum(consentPurposes),
  basis: z.enum(legalBases),
  textVersion: z.string(),
  granted: z.boolean(),
  at: time,
});

export const customerAnswer = z
  .strictObject({
    id: z.string(),
    email: z.string().nullable(),
    status: z.enum(["active", "inactive", "suspended"]),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    phone: z.string().optional(),
    gender: z.enum(genders).optional(),
    birthDate: z.string().optional(),
    avatar: z.string().optional(),
    language: z.string().optional(),
    currency: z.string().optional(),
    categories: z.array(z.string()).optional(),
    brands: z.array(z.string()).optional(),
    priceRange: z.strictObject({ min: z.int().optional(), max: z.int().optional() }).optional(),
    notifications: z.partialRecord(z.enum(channels), z.boolean()).optional(),
    consents: z.array(consentAnswer).describe("What stands now, of each purpose"),
    twoFactor: z.boolean(),
    registeredAt: time,
    updatedAt: time,
  })
  .meta({ id: "Customer" });

export const listedCustomerAnswer = customerAnswer
  .extend({
    suspendedFor: z.string().optional(),
    orders: z.int().describe("That were placed by the account"),
    lastOrderAt: time.optional(),
  })
  .meta({ id: "ListedCustomer" });
export const listedCustomersAnswer = pageOf(listedCustomerAnswer).meta({ id: "CustomerList" });

export const addressListAnswer = z.strictObject({ items: z.array(addressAnswer) });
export const consentListAnswer = z.strictObject({
  items: z.array(consentAnswer).describe("All that was ever said, newest first"),
});

const sessionAnswer = z.strictObject({
  id: z.string(),
  startedAt: time,
  seenAt: time,
  current: z.boolean(),
});
export const sessionListAnswer = z.strictObject({ items: z.array(sessionAnswer) });

export const customerExportAnswer = z
  .strictObject({
    format: z.literal("cartwright-export/1"),
    exportedAt: time,
    customer: customerAnswer,
    addresses: z.array(addressAnswer),
    consents: z.array(consentAnswer).describe("All that was ever said, oldest first"),
    sessions: z.array(sessionAnswer.omit({ current: true })),
    orders: z.array(guestOrderAnswer),
  })
  .meta({ id: "CustomerExport" });

export const totpStartAnswer = z
  .strictObject({ secret: z.string(), uri: z.string().describe("For the authenticator, as a QR code") })
  .meta({ id: "TotpSecret" });
export const totpAnswer = z
  .strictObject({ recoveryCodes: z.array(z.string()).describe("Shown once; each is good once") })
  .meta({ id: "RecoveryCodes" });

export function tokensOf({ customerId, tokens }: LoggedIn): z.output<typeof tokensAnswer> {
  return { ...tokens, customerId };
}

export function customerOf(
  id: string,
  customer: OpenCustomer,
  twoFactor: boolean,
): z.output<typeof customerAnswer> {
  const { email, status, profile, preferences, registeredAt, updatedAt } = customer;
  return {
    ...{ id, email, status, ...profile, ...preferences },
    consents: consentsNow(customer).map(consentOf),
    twoFactor,
    registeredAt: isoTime(registeredAt),
    updatedAt: isoTime(updatedAt),
  } as z.output<typeof customerAnswer>;
}

export function addressOf(
  { addressId, label, usage, country, address }: OpenAddress,
  { shipping, billing }: OpenCustomer["defaults"],
): z.output<typeof addressAnswer> {
  return {
    ...{ id: addressId, label, usage, ...address, country },
    isDefaultShipping: shipping === addressId,
    isDefaultBilling: billing === addressId,
  };
}

export function consentOf(entry: OpenCustomer["consents"][number]): z.output<typeof consentAnswer> {
  const { purpose, basis, textVersion, granted, time: at } = entry;
  return { purpose, basis, textVersion, granted, at: isoTime(at) };
}
