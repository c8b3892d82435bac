import { setTimeout as sleep } from "node:timers/promises";
import {
  type AuthorizationResult,
  GatewayOutcomeUnknown,
  type MoneyRequest,
  type MoneyResult,
  type PaymentGateway,
  type PaymentRequest,
} from "../../src/gateways/gateway.ts";
import { createSandboxGateway } from "../../src/gateways/sandbox.ts";

interface Account {
  paymentId: string;
  authorized: number;
  captured: number;
  refunded: number;
  /** What was not captured is the customer's again. */
  voided: boolean;
  singleCapture: boolean;
}

/** The sandbox, with books: what the log says of money can be held against what really moved. */
export interface Bank extends PaymentGateway {
  /** By reference of the authorization. */
  readonly accounts: ReadonlyMap<string, Readonly<Account>>;
  /** What the shop holds of a payment: captured and not given back. */
  balanceOf(paymentId: string): number;
  /** Authorizations of a payment that were neither captured nor given back. */
  openOf(paymentId: string): number;
  /** Calls that are made after this fail with an unknown outcome once they have taken effect, or before. */
  loseNext(call: "authorize" | "capture" | "void" | "refund", times?: number): void;
  readonly calls: string[];
  /** The customer does what `tok_action` asks for. @returns the reference that the webhook tells */
  act(paymentId: string, amount: number): string;
  /** As gateways that capture by themselves do. @param reference of the authorization */
  captureUnasked(reference: string): void;
}

interface BankOptions {
  /** What `tok_slow` takes; the sandbox takes two seconds. */
  slowAnswerMs?: number;
  /** Before and after every call: where other things may happen. */
  pause?: () => Promise<unknown>;
}

const takenAlready = "it is captured";

export const webhookSecret = "test secret";

export function createBank({ slowAnswerMs = 5, pause = async () => {} }: BankOptions = {}): Bank {
  const sandbox = createSandboxGateway({ webhookSecret });
  const accounts = new Map<string, Account>();
  const answers = new Map<string, MoneyResult>();
  const losing = new Map<string, number>();
  const calls: string[] = [];
  const of = (paymentId: string) =>
    [...accounts.values()].filter((account) => account.paymentId === paymentId);

  function losesAnswer(call: string): boolean {
    calls.push(call);
    const left = losing.get(call) ?? 0;
    losing.set(call, left - 1);
    return left > 0;
  }

  function book(result: AuthorizationResult | undefined, paymentId: string, authorized: number): void {
    if (result?.status !== "authorized" || accounts.has(result.reference)) return;
    const none = { captured: 0, refunded: 0, voided: false };
    const singleCapture = result.singleCapture ?? false;
    accounts.set(result.reference, { paymentId, authorized, ...none, singleCapture });
  }

  async function authorize(request: PaymentRequest): Promise<AuthorizationResult> {
    const lost = losesAnswer("authorize");
    await pause();
    const slow = request.token === "tok_slow";
    if (slow) await sleep(slowAnswerMs);
    try {
      const result = await sandbox.authorize(slow ? { ...request, token: "tok_ok" } : request);
      book(result, request.paymentId, request.amount);
      if (lost) throw new GatewayOutcomeUnknown("the connection broke off");
      return result;
    } catch (error) {
      book(await sandbox.lookup(request.idempotencyKey), request.paymentId, request.amount);
      throw error;
    }
  }

  function answerOf(
    call: string,
    { reference, idempotencyKey }: MoneyRequest,
    change: (account: Account) => string | undefined,
  ): MoneyResult {
    const account = accounts.get(reference);
    const reason = account ? change(account) : "there is no such authorization";
    if (reason === undefined) return { status: "done", reference: `${call}_${idempotencyKey}` };
    return { status: "refused", reason, ...(reason === takenAlready && { isCaptured: true as const }) };
  }

  async function move(
    call: "capture" | "void" | "refund",
    request: MoneyRequest,
    change: (account: Account) => string | undefined,
  ): Promise<MoneyResult> {
    const lost = losesAnswer(call);
    await pause();
    // Some authorizations fare in a way of their own.
    const fate = await sandbox[call](request);
    if (fate.status !== "done") return fate;
    const known = answers.get(request.idempotencyKey);
    if (known && !lost) return known;
    const result = known ?? answerOf(call, request, change);
    answers.set(request.idempotencyKey, result);
    await pause();
    if (lost) throw new GatewayOutcomeUnknown("the connection broke off");
    return result;
  }

  return {
    name: "bank",
    finalMs: sandbox.finalMs,
    accounts,
    calls,
    act(paymentId, amount) {
      const reference = `act_${paymentId}`;
      book({ status: "authorized", reference }, paymentId, amount);
      return reference;
    },
    captureUnasked(reference) {
      const account = accounts.get(reference);
      if (account) account.captured = account.authorized;
    },
    balanceOf: (paymentId) =>
      of(paymentId).reduce((sum, { captured, refunded }) => sum + captured - refunded, 0),
    openOf: (paymentId) =>
      of(paymentId).filter(({ authorized, captured, voided }) => captured < authorized && !voided).length,
    loseNext: (call, times = 1) => void losing.set(call, times),
    authorize,
    lookup: (key) => sandbox.lookup(key),
    capture: (request) =>
      move("capture", request, (account) => {
        if (account.voided) return "the authorization was voided";
        if (account.captured === account.authorized) return "it is captured already";
        if (account.captured + request.amount > account.authorized) return "more than was authorized";
        account.captured += request.amount;
        if (account.singleCapture) account.voided = true;
        return undefined;
      }),
    void: (request) =>
      move("void", request, (account) => {
        if (account.captured === account.authorized) return takenAlready;
        account.voided = true;
        return undefined;
      }),
    refund: (request) =>
      move("refund", request, (account) => {
        if (request.amount > account.captured - account.refunded) return "more than is left";
        account.refunded += request.amount;
        return undefined;
      }),
    readWebhook: (body, signature, now) => sandbox.readWebhook(body, signature, now),
  };
}
