import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { accountEvents } from "./events.ts";

export const sessionsMax = 50;
export const sessionIdleMs = 30 * 86_400_000;
export const sessionMs = 90 * 86_400_000;
/** What is done to an account has to be done soon after a login. */
export const recentLoginMs = 10 * 60_000;
const seenEveryMs = 86_400_000;

type AccountEvent = EventOf<typeof accountEvents>;
type Data<K extends keyof typeof accountEvents> = DataOf<typeof accountEvents, K>;

/** Times are epoch milliseconds. */
export interface Session {
  readonly sessionId: string;
  readonly startedAt: number;
  readonly seenAt: number;
  /** The least that its refreshes have been counted to. */
  readonly n: number;
}

interface Totp {
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  /** The last time step that a code was taken of. */
  readonly step: number;
}

/** How somebody proves who they are. */
export interface Account {
  /** Sealed; undefined while there is none. */
  readonly hash: string | undefined;
  /** How many passwords there have been: a login is for one of them. */
  readonly credential: number;
  readonly totp: Totp | undefined;
  /** Oldest first. */
  readonly sessions: OrderedMap<Session>;
}

const initial = (): Account => ({
  hash: undefined,
  credential: 0,
  totp: undefined,
  sessions: OrderedMap.of(),
});

/** How one subject, a customer or one of the staff, logs in, and where it is logged in. */
export const account = decider({
  category: "account",
  events: accountEvents,
  initial,
  evolve: {
    PasswordSet: (state: Account, { hash, ...factor }): Account => ({
      ...state,
      hash,
      credential: state.credential + 1,
      totp: state.totp && used(state.totp, factor),
    }),
    TotpEnabled: (state: Account, { secret, recoveryCodes, totpStep: step }): Account => ({
      ...state,
      totp: { secret, recoveryCodes, step },
    }),
    TotpDisabled: (state: Account): Account => ({ ...state, totp: undefined }),
    SessionStarted: (state: Account, { sessionId, ...factor }, { time }): Account => ({
      ...state,
      totp: state.totp && used(state.totp, factor),
      sessions: state.sessions.with(sessionId, { sessionId, startedAt: time, seenAt: time, n: 0 }),
    }),
    SessionSeen: (state: Account, { sessionId, n }, { time }): Account => {
      const session = state.sessions.get(sessionId);
      if (!session) return state;
      return { ...state, sessions: state.sessions.with(sessionId, { ...session, seenAt: time, n }) };
    },
    SessionEnded: (state: Account, { sessionId }): Account => ({
      ...state,
      sessions: state.sessions.without(sessionId),
    }),
    AllSessionsEnded: (state: Account, { except }): Account => {
      const kept = except === undefined ? undefined : state.sessions.get(except);
      const none = OrderedMap.of<Session>();
      return { ...state, sessions: kept ? none.with(kept.sessionId, kept) : none };
    },
  },
  decide: {
    /**
     * @param expected which password is replaced, by its number: a link to reset it is good for one
     * @param keep the session that goes on; all others end
     * @param factor for who has not shown the password of before; it is used up
     * @throws Problem token_invalid when it was replaced already; totp_required, invalid_credentials
     */
    SetPassword: (state: Account, { hash, expected, keep, factor }: SetPassword): AccountEvent[] => {
      if (state.credential !== expected) throw new Problem("token_invalid", "the password was changed since");
      const { totp } = state;
      if (factor && totp) requireFactor(totp, factor);
      const set: AccountEvent = { type: "PasswordSet", data: { hash, ...(totp && factor) } };
      return [set, ...endAll(state, "password", keep)];
    },

    /** The same password, by stronger settings. */
    Rehash: (state: Account, { hash, expected }: { hash: string; expected: number }): AccountEvent[] =>
      state.credential === expected ? [{ type: "PasswordSet", data: { hash } }] : [],

    EnableTotp: (state: Account, data: Data<"TotpEnabled">): AccountEvent[] => {
      if (state.totp) throw illegalTransition("two-factor authentication is on");
      return [{ type: "TotpEnabled", data }];
    },

    DisableTotp: (state: Account, _: Record<never, never>): AccountEvent[] =>
      state.totp ? [{ type: "TotpDisabled", data: {} }] : [],

    /**
     * @param credential the password's number that was checked
     * @throws Problem invalid_credentials for another one by now; totp_required; invalid_credentials for a code that was used
     */
    StartSession: (state: Account, { sessionId, credential, ...factor }: StartSession): AccountEvent[] => {
      if (state.sessions.get(sessionId)) return [];
      if (state.credential !== credential) throw wrong("the password was changed since");
      const { totp } = state;
      if (totp) requireFactor(totp, factor);
      const surplus = [...state.sessions.values()].slice(
        0,
        Math.max(0, state.sessions.size + 1 - sessionsMax),
      );
      return [
        ...surplus.map((each) => ended(each.sessionId, "replaced")),
        { type: "SessionStarted", data: { sessionId, ...(totp && factor) } },
      ];
    },

    /**
     * Once a day, and where nobody else remembers how far it was counted (`isFirst`).
     * @throws Problem session_ended for one that is over
     */
    See: (state: Account, { sessionId, n, isFirst }: See, { now }): AccountEvent[] => {
      const session = state.sessions.get(sessionId);
      if (!session) throw over();
      if (isOver(session, now)) return [ended(sessionId, "expired")];
      const isNews = n > session.n && (isFirst || now - session.seenAt >= seenEveryMs);
      return isNews ? [{ type: "SessionSeen", data: { sessionId, n } }] : [];
    },

    EndSession: (state: Account, { sessionId, reason }: Data<"SessionEnded">): AccountEvent[] =>
      state.sessions.get(sessionId) ? [ended(sessionId, reason)] : [],

    EndAllSessions: (state: Account, { reason, keep }: { reason: string; keep?: string }): AccountEvent[] =>
      endAll(state, reason, keep),
  },
  weigh: (state: Account) => 500 + state.sessions.size * 300 + (state.totp ? 600 : 0),
});

interface SetPassword {
  hash: string;
  expected: number;
  keep?: string | undefined;
  factor?: SecondFactor;
}

interface See extends Data<"SessionSeen"> {
  isFirst: boolean;
}

interface SecondFactor {
  totpStep?: number | undefined;
  recoveryCode?: string | undefined;
}

interface StartSession extends SecondFactor {
  sessionId: string;
  credential: number;
}

/** Whether a session is over without an event that says so. */
export function isOver({ startedAt, seenAt }: Session, now: number): boolean {
  return now - startedAt > sessionMs || now - seenAt > sessionIdleMs;
}

function used(totp: Totp, { totpStep, recoveryCode }: SecondFactor): Totp {
  return {
    ...totp,
    ...(totpStep !== undefined && { step: totpStep }),
    recoveryCodes: totp.recoveryCodes.filter((digest) => digest !== recoveryCode),
  };
}

/** @throws Problem totp_required without any; invalid_credentials for one that was used */
function requireFactor(totp: Totp, { totpStep, recoveryCode }: SecondFactor): void {
  if (totpStep === undefined && recoveryCode === undefined)
    throw new Problem("totp_required", "this account needs a code of its authenticator");
  if (totpStep !== undefined && totpStep <= totp.step) throw wrongCode("the code was used before");
  if (recoveryCode !== undefined && !totp.recoveryCodes.includes(recoveryCode))
    throw wrongCode("the recovery code was used before, or is none");
}

function endAll(state: Account, reason: string, keep?: string): AccountEvent[] {
  const others = [...state.sessions.values()].some(({ sessionId }) => sessionId !== keep);
  if (!others) return [];
  return [{ type: "AllSessionsEnded", data: { reason, ...(keep !== undefined && { except: keep }) } }];
}

function ended(sessionId: string, reason: Data<"SessionEnded">["reason"]): AccountEvent {
  return { type: "SessionEnded", data: { sessionId, reason } };
}

function wrongCode(detail: string): Problem {
  return new Problem("invalid_credentials", detail, { factor: "code" });
}

function wrong(detail: string): Problem {
  return new Problem("invalid_credentials", detail);
}

export function over(): Problem {
  return new Problem("session_ended", "the session is over: log in again");
}
