import { z } from "zod";

const line = (max: number) => z.string().trim().min(1).max(max);

/** As it is kept. */
export const addressSchema = z.strictObject({
  fullName: line(200),
  addressLine1: line(200),
  addressLine2: line(200).optional(),
  city: line(100),
  state: line(100).optional(),
  postalCode: line(20).optional(),
  /** ISO 3166-1 alpha-2, or a name where a shop's old data has no code. */
  country: line(100),
  phone: line(40).optional(),
});

export type Address = z.output<typeof addressSchema>;

/**
 * Countries whose addresses have no postal code, or need none (Universal Postal Union, Addressing and Postcode: the
 * country sheets without a postcode), ISO 3166-1 alpha-2.
 */
const withoutPostalCodes = new Set(
  (
    "AE AG AN AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GA GD GH GM GN GQ GY HK JM KI KM KN KP " +
    "LC LY ML MO MR MS MW NR NU PA QA RW SB SC SL SO SR SS ST SX SY TD TF TG TK TL TO TT TV UG VU YE ZW"
  ).split(" "),
);

/** Whether an address of a country, by its code or by name, has to have a postal code. */
export function hasPostalCodes(country: string): boolean {
  return !withoutPostalCodes.has(country.trim().toUpperCase());
}

/** An address as it is given: with a postal code where its country has them. */
export const givenAddressSchema = addressSchema.refine(
  ({ postalCode, country }) => postalCode !== undefined || !hasPostalCodes(country),
  { path: ["postalCode"], message: "addresses of this country have one" },
);

/** An address as orders keep it, of one that says more, such as where it is on a map. */
export function plainAddress(address: Address): Address {
  const named = Object.keys(addressSchema.shape).map((field) => [field, address[field as keyof Address]]);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined)) as Address;
}
