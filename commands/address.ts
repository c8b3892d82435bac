import { z } from "zod";

const line = (max: number) => z.string().trim().min(1).max(max);

export const addressSchema = z.strictObject({
  fullName: line(200),
  addressLine1: line(200),
  addressLine2: line(200).optional(),
  city: line(100),
  state: line(100).optional(),
  postalCode: line(20),
  /** ISO 3166-1 alpha-2, or a name where a shop's old data has no code. */
  country: line(100),
  phone: line(40).optional(),
});

export type Address = z.output<typeof addressSchema>;
