import type { Address } from "../../commands/address.ts";
import type { Customer, KeptAddress, Profile } from "../../commands/customer/state.ts";
import type { Sealed, Sealer, Sealing } from "../privacy/sealing.ts";

/** What of a customer is sealed, field by field: the register of personal data (CUSTOMERS.md, 1). */
export const profileFields = ["firstName", "lastName", "phone", "gender", "birthDate", "avatar"] as const;
export type ProfileField = (typeof profileFields)[number];
/** What is left out stays as it is, and `null` clears. */
export type ProfileChange = { [K in ProfileField]?: string | null | undefined };
export type OpenProfile = { [K in ProfileField]?: string };

export const customerSubject = (customerId: string) => `customer/${customerId}`;

/** Fields by which sealed texts of one customer are told apart. */
export const emailField = "email";
export const addressField = "address";
export const passwordField = "password";
export const totpField = "totp";

export function sealProfile(sealer: Sealer, given: ProfileChange): { [K in ProfileField]?: Sealed | null } {
  return Object.fromEntries(
    profileFields.flatMap((field) => {
      const value = given[field];
      if (value === undefined) return [];
      return [[field, value === null ? null : sealer.seal(field, value)]];
    }),
  );
}

/** An address as its owner reads it; without the address where its key was destroyed. */
export interface OpenAddress extends Omit<KeptAddress, "address"> {
  address: Address | null;
}

export async function openAddress(sealing: Sealing, kept: KeptAddress): Promise<OpenAddress> {
  return { ...kept, address: await sealing.open<Address>(addressField, kept.address) };
}

/** A customer as its owner, or who may, reads it. */
export interface OpenCustomer extends Omit<Customer, "email" | "profile" | "addresses"> {
  email: string | null;
  profile: OpenProfile;
  addresses: OpenAddress[];
}

/** @throws StoreUnavailable when the vault is away */
export async function openCustomer(sealing: Sealing, customer: Customer): Promise<OpenCustomer> {
  const [email, profile, addresses] = await Promise.all([
    sealing.open<string>(emailField, customer.email),
    openProfile(sealing, customer.profile),
    Promise.all(customer.addresses.map((kept) => openAddress(sealing, kept))),
  ]);
  return { ...customer, email, profile, addresses };
}

async function openProfile(sealing: Sealing, profile: Profile): Promise<OpenProfile> {
  const opened = await Promise.all(
    profileFields.map(async (field) => {
      const sealed = profile[field];
      return [field, sealed === undefined ? null : await sealing.open<string>(field, sealed)] as const;
    }),
  );
  return Object.fromEntries(opened.filter(([, value]) => value !== null));
}
