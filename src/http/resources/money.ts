import { z } from "zod";

export const money = z.strictObject({ amount: z.int(), currency: z.string() }).meta({ id: "Money" });

export const totals = z
  .strictObject({ subtotal: money, discount: money, shipping: money, tax: money, total: money })
  .meta({ id: "Totals" });
