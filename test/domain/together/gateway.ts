import type {
  AuthorizationResult,
  MoneyRequest,
  MoneyResult,
  PaymentGateway,
  PaymentRequest,
  WebhookEvent,
  WebhookOutcome,
} from "../../../src/gateways/gateway.ts";

interface Account {
  paymentId: string;
  authorized: number;
  captured: number;
  refunded: number;
  disputed: number;
  /** What was not captured is the customer's again. */
  voided: boolean;
  singleCapture: boolean;
}

interface Pending {
  paymentId: string;
  refundId: string;
  key: string;
  request: MoneyRequest;
}

interface Dispute {
  disputeId: string;
  paymentId: string;
  amount: number;
  account: Account;
}

export type Movement = "capture" | "void" | "refund";

/** A gateway with books that does what it is told to do next, and tells of it when it is told to. */
export class Gateway implements PaymentGateway {
  readonly name = "bank";
  readonly finalMs = 60_000;
  readonly accounts = new Map<string, Account>();
  /** Told, and not heard yet. */
  readonly webhooks: WebhookEvent[] = [];
  private readonly authorizations = new Map<string, AuthorizationResult>();
  private readonly answers = new Map<string, MoneyResult>();
  private readonly pending = new Map<string, Pending>();
  private readonly disputes: Dispute[] = [];
  private readonly fates = new Map<Movement, ("refused" | "pending")[]>();
  /** What is waited for before and after each call. */
  private readonly pass: () => Promise<void>;

  constructor(pass: () => Promise<void>) {
    this.pass = pass;
  }

  next(movement: Movement, fate: "refused" | "pending"): void {
    this.fates.set(movement, [...(this.fates.get(movement) ?? []), fate]);
  }

  /** Says yes to everything from now on. */
  calm(): void {
    this.fates.clear();
  }

  async authorize(request: PaymentRequest): Promise<AuthorizationResult> {
    await this.pass();
    const known = this.authorizations.get(request.idempotencyKey);
    const result = known ?? this.authorized(request);
    this.authorizations.set(request.idempotencyKey, result);
    await this.pass();
    return result;
  }

  async lookup(idempotencyKey: string): Promise<AuthorizationResult | undefined> {
    await this.pass();
    return this.authorizations.get(idempotencyKey);
  }

  capture(request: MoneyRequest): Promise<MoneyResult> {
    return this.move("capture", request, (account) => {
      if (account.voided) return "it was given back";
      if (account.captured + request.amount > account.authorized) return "more than was authorized";
      account.captured += request.amount;
      account.voided = account.singleCapture || account.captured === account.authorized;
      return undefined;
    });
  }

  void(request: MoneyRequest): Promise<MoneyResult> {
    return this.move("void", request, (account) => {
      if (account.captured === account.authorized) return "it is captured";
      account.voided = true;
      return undefined;
    });
  }

  refund(request: MoneyRequest): Promise<MoneyResult> {
    return this.move("refund", request, (account) => {
      const { captured, refunded, disputed } = account;
      if (request.amount > captured - refunded - disputed) return "more than is left";
      account.refunded += request.amount;
      return undefined;
    });
  }

  readWebhook(): WebhookEvent {
    throw new Error("webhooks are heard as they are");
  }

  /** Whether it has ever authorized a payment. */
  holds(paymentId: string): boolean {
    return [...this.accounts.values()].some((account) => account.paymentId === paymentId);
  }

  /** The customer does what was asked for, or gives up. A second time, it is another authorization. */
  act(paymentId: string, amount: number, succeeds: boolean): void {
    if (!succeeds) {
      if (!this.holds(paymentId)) this.tell(paymentId, "failed", { status: "failed", reason: "given up" });
      return;
    }
    const reference = `act-${this.accounts.size}`;
    this.open({ paymentId, authorized: amount, singleCapture: false }, reference);
    this.tell(paymentId, reference, { status: "authorized", reference });
  }

  /** Of a refund that is on its way. */
  endRefund(pick: number, succeeds: boolean): void {
    const all = [...this.pending.values()];
    const ended = all[pick % Math.max(1, all.length)];
    if (!ended) return;
    const { paymentId, refundId, key, request } = ended;
    this.pending.delete(key);
    const account = this.accounts.get(request.reference);
    const most = account ? account.captured - account.refunded - account.disputed : 0;
    if (succeeds && account && request.amount <= most) {
      account.refunded += request.amount;
      this.answers.set(key, { status: "done", reference: key });
      this.tell(paymentId, key, { status: "refund_succeeded", refundId, reference: key });
    } else {
      this.answers.set(key, { status: "refused", reason: "the bank says no" });
      this.tell(paymentId, key, { status: "refund_failed", refundId, reason: "the bank says no" });
    }
  }

  /** A customer's bank takes money back. */
  dispute(pick: number, amount: number): void {
    const all = [...this.accounts.values()];
    const account = all[pick % Math.max(1, all.length)];
    // What is on its way back is not the shop's to lose.
    const onTheWay = [...this.pending.values()].filter(({ paymentId }) => paymentId === account?.paymentId);
    const left = account ? account.captured - account.refunded - account.disputed : 0;
    const most = onTheWay.reduce((sum, { request }) => sum - request.amount, left);
    if (!account || most <= 0) return;
    const { paymentId } = account;
    const dispute = {
      disputeId: `d-${this.disputes.length}`,
      paymentId,
      amount: Math.min(most, amount),
      account,
    };
    this.disputes.push(dispute);
    account.disputed += dispute.amount;
    const { disputeId } = dispute;
    this.tell(paymentId, disputeId, {
      status: "dispute_opened",
      disputeId,
      amount: dispute.amount,
      reason: "fraud",
    });
  }

  endDispute(pick: number, won: boolean): void {
    const [ended] = this.disputes.splice(pick % Math.max(1, this.disputes.length), 1);
    if (!ended) return;
    const { disputeId, paymentId, amount, account } = ended;
    if (won) account.disputed -= amount;
    this.tell(paymentId, `${disputeId}/end`, { status: "dispute_ended", disputeId, won });
  }

  private tell(paymentId: string, what: string, outcome: WebhookOutcome): void {
    this.webhooks.push({ id: `${paymentId}/${what}`, paymentId, outcome });
  }

  private authorized({ paymentId, amount, token }: PaymentRequest): AuthorizationResult {
    if (token === "declined") return { status: "declined", reason: "the card was declined" };
    if (token === "action") return { status: "action_required", actionUrl: "u" };
    const reference = `auth-${paymentId}`;
    const singleCapture = token === "single";
    this.open({ paymentId, authorized: amount, singleCapture }, reference);
    return { status: "authorized", reference, ...(singleCapture && { singleCapture }) };
  }

  private open(of: Pick<Account, "paymentId" | "authorized" | "singleCapture">, reference: string): void {
    this.accounts.set(reference, { ...of, captured: 0, refunded: 0, disputed: 0, voided: false });
  }

  private async move(
    movement: Movement,
    request: MoneyRequest,
    change: (account: Account) => string | undefined,
  ): Promise<MoneyResult> {
    await this.pass();
    const key = request.idempotencyKey;
    const answer = this.answers.get(key) ?? this.moved(movement, request, change);
    this.answers.set(key, answer);
    await this.pass();
    return answer;
  }

  private moved(
    movement: Movement,
    request: MoneyRequest,
    change: (account: Account) => string | undefined,
  ): MoneyResult {
    const key = request.idempotencyKey;
    const account = this.accounts.get(request.reference);
    if (!account) return { status: "refused", reason: "there is no such authorization" };
    const fate = this.fates.get(movement)?.shift();
    if (fate === "refused" && movement !== "void")
      return { status: "refused", reason: "the bank does not want to" };
    if (fate === "pending" && movement === "refund") {
      const { paymentId } = account;
      this.pending.set(key, { paymentId, refundId: key.split("/refund/")[1] ?? "", key, request });
      return { status: "pending" };
    }
    const reason = change(account);
    if (reason === undefined) return { status: "done", reference: key };
    return { status: "refused", reason, ...(reason === "it is captured" && { isCaptured: true as const }) };
  }
}
