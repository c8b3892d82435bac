/** The payment gateway port. Amounts are minor units of the currency. */

export interface PaymentRequest {
  /** The same key is the same payment: asking again gives the same answer and moves no money twice. */
  idempotencyKey: string;
  paymentId: string;
  amount: number;
  currency: string;
  token: string | undefined;
}

export type AuthorizationResult =
  /** `singleCapture`: what a capture leaves of it cannot be captured later. */
  | { status: "authorized"; reference: string; singleCapture?: true }
  | { status: "declined"; reason: string }
  /** The customer has to do something there; the gateway tells the outcome by webhook. */
  | { status: "action_required"; actionUrl: string };

export interface MoneyRequest {
  idempotencyKey: string;
  /** The gateway's own id of the authorization. */
  reference: string;
  amount: number;
  currency: string;
}

export type MoneyResult =
  | { status: "done"; reference: string }
  /** On its way: a webhook tells what has become of it, and so does asking again. */
  | { status: "pending" }
  /** `isCaptured`: there is no authorization to give back any more, for its money was taken. */
  | { status: "refused"; reason: string; isCaptured?: true };

export interface PaymentGateway {
  readonly name: string;
  /** Milliseconds after which an authorization that was not answered cannot come about any more. */
  readonly finalMs: number;
  /** @throws GatewayOutcomeUnknown when it cannot be told whether it happened: ask `lookup` */
  authorize(request: PaymentRequest): Promise<AuthorizationResult>;
  /** What became of an authorization; undefined when the gateway has not seen it, so far. */
  lookup(idempotencyKey: string): Promise<AuthorizationResult | undefined>;
  /** @throws GatewayOutcomeUnknown; repeating with the same key is safe */
  capture(request: MoneyRequest): Promise<MoneyResult>;
  void(request: MoneyRequest): Promise<MoneyResult>;
  refund(request: MoneyRequest): Promise<MoneyResult>;
  /**
   * Checks a webhook's signature and reads it.
   * @throws Problem unauthorized when it was not signed by the gateway or is too old
   */
  readWebhook(body: string, signature: string | undefined, now: number): WebhookEvent;
  /** Of one that only plays: what signs an event as it would send it. */
  readonly sign?: (body: string, now: number) => string;
}

/** `refundId` is the part of a refund's idempotency key that names it; amounts are minor units. */
export type WebhookOutcome =
  | { status: "authorized"; reference: string }
  | { status: "failed"; reason: string }
  | { status: "refund_succeeded"; refundId: string; reference: string }
  | { status: "refund_failed"; refundId: string; reason: string }
  /** The customer's bank has taken money back. */
  | { status: "dispute_opened"; disputeId: string; amount: number; reason: string }
  | { status: "dispute_ended"; disputeId: string; won: boolean };

export interface WebhookEvent {
  /** The gateway's id of the event; the same one may come many times. */
  id: string;
  paymentId: string;
  outcome: WebhookOutcome;
}

export class GatewayOutcomeUnknown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GatewayOutcomeUnknown";
  }
}
