import { z } from "zod";

export const address = z
  .strictObject({
    fullName: z.string(),
    addressLine1: z.string(),
    addressLine2: z.string().optional(),
    city: z.string(),
    state: z.string().optional(),
    /** Where the country has them. */
    postalCode: z.string().optional(),
    country: z.string(),
    phone: z.string().optional(),
  })
  .meta({ id: "Address" });
