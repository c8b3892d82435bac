import { z } from "zod";
import { notFound, Problem, type ProblemCode, problems } from "../../values/problem.ts";
import { money } from "./money.ts";
import { quote } from "./quotes.ts";
import { availableTold } from "./stock.ts";
import { type View, viewOf } from "./view.ts";

/** A problem as it is thrown, or as the log has kept it. */
interface Told {
  code: string;
  detail: string;
  extras: Readonly<Record<string, unknown>>;
}

const outOfStock = viewOf(z.strictObject({ sku: z.string(), requested: z.int(), available: availableTold }));

/** What others than staff are told beside code and detail; what has no line here keeps its extras to itself. */
const guestExtras: Partial<Record<ProblemCode, View<z.ZodType>>> = {
  out_of_stock: outOfStock,
  price_changed: viewOf(z.strictObject({ total: money, acceptedTotal: money, quote })),
  cart_locked: viewOf(z.strictObject({ orderId: z.string() })),
  cart_converted: viewOf(z.strictObject({ orderId: z.string() })),
  not_for_sale: viewOf(z.strictObject({ sku: z.string() })),
  revision_mismatch: viewOf(z.strictObject({ revision: z.int() })),
  unavailable: viewOf(z.strictObject({ store: z.enum(["events", "views", "vault"]) })),
  projection_behind: viewOf(z.strictObject({ position: z.string() })),
  validation_failed: viewOf(
    z.strictObject({ errors: z.array(z.strictObject({ path: z.string(), message: z.string() })) }),
  ),
};

/**
 * Details that are not as harmless as the others: a gateway's reason is for the shop alone, and so is what an
 * operator has written, what an error has said, and who holds what.
 */
const guestDetails: Partial<Record<ProblemCode, string>> = {
  payment_declined: "the payment was declined",
  refund_refused: "the money could not be given back",
  unavailable: "the shop cannot do this now; try again",
  too_much_contention: "it is changed by many at once; try again",
  already_exists: "it exists already",
};

/** @returns what others than staff are told of a problem */
export function guestProblemOf({ code, message: detail, extras }: Problem): Problem {
  // Nobody else learns which drafts there are.
  if (code === "not_for_sale" && extras.productStatus === "draft")
    return notFound("SKU", String(extras.asked));
  return new Problem(code, guestDetail({ code, detail, extras }), extrasOf(code, extras));
}

/** @returns why, in words for others than staff */
export function guestDetail({ code, detail, extras }: Told): string {
  if (!isProblemCode(code)) return "it could not be done";
  if (code !== "out_of_stock") return guestDetails[code] ?? detail;
  const { sku, requested, available } = outOfStock(extras as Parameters<typeof outOfStock>[0]);
  if (sku === undefined || requested === undefined || available === undefined) return problems[code][1];
  return `${sku}: ${requested} wanted, ${available} available`;
}

function extrasOf(code: ProblemCode, extras: Problem["extras"]): Problem["extras"] {
  return (guestExtras[code]?.(extras) ?? {}) as Problem["extras"];
}

function isProblemCode(code: string): code is ProblemCode {
  return code in problems;
}
