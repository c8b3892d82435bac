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
  | { status: "authorized"; reference: string }
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
}

export interface WebhookEvent {
  /** The gateway's id of the event; the same one may come many times. */
  id: string;
  paymentId: string;
  outcome: { status: "authorized"; reference: string } | { status: "failed"; reason: string };
}

export class GatewayOutcomeUnknown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GatewayOutcomeUnknown";
  }
}
