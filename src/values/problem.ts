/**
 * Every error a client can meet: a stable code, the HTTP status that goes with it and a title (RFC 9457).
 * Deciders throw them as refusals; the HTTP layer turns them into problem details.
 */
export const problems = {
  malformed_request: [400, "The request cannot be read"],
  invalid_cursor: [400, "The cursor is not one that a list gave out"],
  invalid_credentials: [401, "What was given to log in with is not right"],
  totp_required: [401, "A code of the authenticator is needed"],
  session_ended: [401, "The session is over"],
  unauthorized: [401, "Credentials are missing or wrong"],
  payment_declined: [402, "The payment was declined"],
  refund_refused: [402, "The gateway did not give the money back"],
  account_suspended: [403, "The account is suspended"],
  recent_login_required: [403, "This needs a login of the last minutes"],
  forbidden: [403, "These credentials do not allow this"],
  not_found: [404, "There is no such thing"],
  request_timeout: [408, "The request took too long to come"],
  already_exists: [409, "It exists already"],
  out_of_stock: [409, "There is not enough stock"],
  price_changed: [409, "The price has changed"],
  cart_locked: [409, "The cart is being checked out"],
  cart_converted: [409, "The cart has become an order"],
  cart_closed: [409, "The cart is no longer open"],
  limit_reached: [409, "There are as many as there can be"],
  cart_empty: [409, "The cart has no items"],
  cart_full: [409, "The cart holds as many lines as it can"],
  illegal_transition: [409, "That is not possible in this state"],
  return_window_over: [409, "The time for returns is over"],
  coupon_exhausted: [409, "The coupon is used up"],
  not_for_sale: [409, "This product is not for sale"],
  currency_mismatch: [409, "The currencies differ"],
  request_in_progress: [409, "A request with this idempotency key is still running"],
  too_much_contention: [409, "Too many changes at once"],
  revision_mismatch: [412, "It has changed since you read it"],
  payload_too_large: [413, "The request is too large"],
  unsupported_media_type: [415, "This content type is not understood"],
  validation_failed: [422, "The request is not valid"],
  token_invalid: [422, "The link is not valid"],
  idempotency_key_reused: [422, "The idempotency key was used for another request"],
  rate_limited: [429, "Too many requests"],
  headers_too_large: [431, "The headers are too large"],
  internal_error: [500, "Something went wrong on our side"],
  unavailable: [503, "A store is away or too busy"],
  projection_behind: [504, "The read model is not there yet"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

export interface FieldError {
  /** Where in the body, query or path, such as `items.0.quantity`. */
  path: string;
  message: string;
}

/** An error with a code that clients may rely on. `extras` become members of the problem document. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly extras: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, extras: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = "Problem";
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return problems[this.code][0];
  }

  get title(): string {
    return problems[this.code][1];
  }
}

/** A problem that was kept on the log, as it was; a code that this version does not know becomes a general one. */
export function problemOf(kept: {
  code: string;
  detail: string;
  extras: Readonly<Record<string, unknown>>;
}): Problem {
  const code = kept.code in problems ? (kept.code as ProblemCode) : "illegal_transition";
  return new Problem(code, kept.detail, kept.extras);
}

export function notFound(what: string, id: string): Problem {
  return new Problem("not_found", `there is no ${what} ${JSON.stringify(id)}`);
}

/** For a condition on a revision that is looked at outside the decision. @throws Problem revision_mismatch */
export function requireRevision(expected: number | undefined, revision: number): void {
  if (expected !== undefined && expected !== revision)
    throw new Problem("revision_mismatch", `expected revision ${expected}, it is at ${revision}`, {
      revision,
    });
}

export function illegalTransition(detail: string): Problem {
  return new Problem("illegal_transition", detail);
}
