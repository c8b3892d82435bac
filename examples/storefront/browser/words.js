// @ts-check
import { CartwrightError, NoAnswer } from "../../../client/index.js";

/** @import { Schemas, Problem } from "../../../client/index.js" */

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/** @param {string} currency */
function formatOf(currency) {
  const known = formats.get(currency);
  if (known) return known;
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  formats.set(currency, format);
  return format;
}

/** @param {string} currency */
function scaleOf(currency) {
  return 10 ** (formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2);
}

/** @param {Schemas["Money"]} money */
export function money({ amount, currency }) {
  return formatOf(currency).format(amount / scaleOf(currency));
}

/**
 * What a customer has typed, in minor units.
 * @param {string} text
 * @param {string} currency
 * @returns {number | undefined} undefined when it is no amount
 */
export function amountOf(text, currency) {
  const amount = Math.round(Number.parseFloat(text) * scaleOf(currency));
  return amount >= 0 && Number.isSafeInteger(amount) ? amount : undefined;
}

/** @param {string} at */
export function date(at) {
  return new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

/**
 * @param {number} count
 * @param {string} thing
 */
export function counted(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Others than staff are told of no more pieces. */
const availableToldMax = 100;

/** @param {{ stockStatus: string, available: number | null, backorders?: boolean }} of */
export function availability({ stockStatus, available, backorders = false }) {
  if (stockStatus === "out_of_stock") return backorders ? "Sold out, can be ordered" : "Sold out";
  if (stockStatus === "low_stock" && available !== null) return `Only ${available} left`;
  return available === null || available >= availableToldMax ? "In stock" : `In stock: ${available}`;
}

export const shipping = { standard: "Standard", express: "Express", overnight: "Overnight" };

export const orderStatuses = {
  pending: "Waiting for its payment",
  confirmed: "Confirmed",
  paid: "Paid",
  processing: "Being packed",
  shipped: "On its way",
  delivered: "Delivered",
  cancelled: "Cancelled",
  refunded: "Refunded",
};

export const paymentStatuses = {
  pending: "not paid yet",
  paid: "paid",
  failed: "the payment failed",
  refunded: "given back",
  partially_refunded: "partly given back",
};

export const returnStatuses = {
  requested: "Asked for: we look at it",
  approved: "Agreed: send it back",
  rejected: "Not taken back",
  withdrawn: "Withdrawn",
  partly_received: "Partly here",
  closed: "Done",
};

export const returnReasons = {
  changed_mind: "I changed my mind",
  wrong_size: "The size is wrong",
  not_as_described: "It is not as described",
  damaged: "It is damaged",
  wrong_item: "It is something else",
  late: "It came too late",
  other: "Another reason",
};

/** @type {Partial<Record<Problem["code"], string | ((problem: Problem) => string)>>} */
const problems = {
  not_found: "There is no such thing here, or not any more.",
  forbidden: "This is not yours to see.",
  unauthorized: "This can be seen only in the browser it was ordered with.",
  out_of_stock: ({ available }) =>
    available ? `There are only ${available} left. Please take fewer.` : "It is sold out by now.",
  not_for_sale: "Something in your cart is not for sale any more. Please take it out.",
  price_changed: "A price has changed. Please look at the new total before you pay.",
  payment_declined: "The payment was declined, and nothing was charged. Please pay in another way.",
  cart_empty: "There is nothing in your cart.",
  cart_full: "Your cart is full.",
  cart_locked: "Your cart is being checked out.",
  cart_converted: "Your cart has become an order.",
  cart_closed: "Your cart has run out.",
  illegal_transition: "That is not possible any more.",
  return_window_over: "The time for returns is over.",
  validation_failed: ({ errors }) =>
    errors?.some(({ path }) => path === "password" || path === "new")
      ? "This password is too easy to guess. Please make it longer, or less common."
      : "Something in it is not right. Please look at what you have entered.",
  invalid_credentials: "The e-mail address, the password or the code is not right.",
  account_suspended: "This account is suspended. Please ask us why.",
  session_ended: "You are not logged in any more. Please log in again.",
  token_invalid: "This link was used before, or is too old. Please ask for another one.",
  already_exists: "There is an account with this e-mail address.",
  rate_limited: "That was a lot at once. Please wait a moment and try again.",
  unavailable: "The shop is busy at the moment. Please try again.",
  projection_behind: "The shop is busy at the moment. Please try again.",
};

/**
 * What went wrong, for a customer to read.
 * @param {unknown} error
 */
export function wordsFor(error) {
  if (error instanceof NoAnswer)
    return "The shop cannot be reached at the moment. Nothing is lost: please try again.";
  const words =
    error instanceof CartwrightError && error.code !== "unknown" ? problems[error.code] : undefined;
  if (words === undefined) return "That did not work. Please try again.";
  return typeof words === "string" ? words : words(/** @type {CartwrightError} */ (error).problem);
}
