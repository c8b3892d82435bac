import { createHmac, timingSafeEqual } from "node:crypto";
import { account, isOver, over, type Session } from "../../commands/account/account.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { HotStore } from "../stores/hot-store/hot-store.ts";
import type { Vault, VaultKey } from "../stores/vault/vault.ts";
import { type Access, type AccessTokens, type Audience, accessSeconds } from "./access-tokens.ts";
import type { Caller } from "./caller.ts";
import { keptKey } from "./kept-key.ts";

const macSubject = "refresh";
const macCharacters = 32;
/** Two tabs that refresh at once are both given the next token. */
const twiceWithinMs = 10_000;
const rememberedMs = 31 * 86_400_000;
/** Another process may have ended a session; this one ends it at once. */
export const knownForMs = 250;

export interface Tokens {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  refreshToken: string;
}

/**
 * Sessions: a login, and the tokens that stand for it. Access tokens are good for minutes, a refresh token for one use
 * (CUSTOMERS.md, 4). The hot store counts the uses; without it what the log has last seen is enough.
 */
export class Sessions {
  private readonly deps: {
    engine: Engine;
    hot: HotStore;
    vault: Vault;
    access: AccessTokens;
    audience: Audience;
    /** Whether whoever it is may be logged in at all, as of a moment of this process. */
    mayBeIn: (accountId: string, asOf: number) => Promise<boolean>;
  };
  private readonly macKey: () => Promise<VaultKey>;

  constructor(deps: Sessions["deps"]) {
    this.deps = deps;
    this.macKey = keptKey(deps.vault, macSubject);
  }

  /** Tokens of a session that has just started. */
  async tokensOf(accountId: string, sessionId: string, loginAt: number, now: number): Promise<Tokens> {
    await this.deps.hot.set(keyOf(sessionId), `0 ${now}`, rememberedMs).catch(() => {});
    return this.issue({ accountId, sessionId, loginAt }, 0, now);
  }

  /** @returns undefined for a token that is none, or whose session is over */
  async holder(token: string, now: number): Promise<Access | undefined> {
    const { access, audience, engine } = this.deps;
    const claimed = await access.verify(audience, token, now);
    if (!claimed) return undefined;
    const session = await engine.read(
      account,
      claimed.accountId,
      ({ sessions }) => sessions.get(claimed.sessionId),
      performance.now() - knownForMs,
    );
    if (!session || isOver(session, now)) return undefined;
    return (await this.deps.mayBeIn(claimed.accountId, performance.now() - knownForMs)) ? claimed : undefined;
  }

  /** @throws Problem session_ended */
  async refresh(token: string, caller: Caller): Promise<Tokens & { accountId: string }> {
    const { accountId, sessionId, n } = await this.read(token);
    const now = caller.now();
    const session = await this.deps.engine.read(account, accountId, ({ sessions }) =>
      sessions.get(sessionId),
    );
    if (!session || isOver(session, now)) throw over();
    if (!(await this.deps.mayBeIn(accountId, performance.now()))) throw over();
    const next = await this.use(session, n, now);
    if (next === undefined) {
      await caller.execute(account, accountId, "EndSession", { sessionId, reason: "reuse" });
      throw over();
    }
    await caller.execute(account, accountId, "See", { sessionId, n: next.n, isFirst: next.isUnknown });
    const tokens = await this.issue({ accountId, sessionId, loginAt: session.startedAt }, next.n, now);
    return { ...tokens, accountId };
  }

  private async issue(access: Access, n: number, now: number): Promise<Tokens> {
    return {
      accessToken: await this.deps.access.issue(this.deps.audience, access, now),
      expiresIn: accessSeconds,
      refreshToken: await this.refreshToken(access, n),
    };
  }

  /** @returns what the next token is counted; undefined for one that was used before */
  private async use(
    { sessionId, n: seen }: Session,
    n: number,
    now: number,
  ): Promise<{ n: number; isUnknown: boolean } | undefined> {
    const { hot } = this.deps;
    const key = keyOf(sessionId);
    const next = `${n + 1} ${now}`;
    const kept = await hot.get(key).catch(() => undefined);
    if (kept === undefined) {
      if (n < seen) return undefined;
      const isFirst = await hot.setIfAbsent(key, next, rememberedMs).catch(() => true);
      // Another tab was quicker.
      return isFirst ? { n: n + 1, isUnknown: true } : this.use({ sessionId, n: seen } as Session, n, now);
    }
    const [expected = 0, at = 0] = kept.split(" ").map(Number);
    if (n === expected - 1 && now - at <= twiceWithinMs) return { n: expected, isUnknown: false };
    if (n < expected) return undefined;
    const isSwapped = await hot.swap(key, kept, next, rememberedMs).catch(() => true);
    return isSwapped ? { n: n + 1, isUnknown: false } : this.use({ sessionId, n: seen } as Session, n, now);
  }

  private async refreshToken({ accountId, sessionId }: Access, n: number): Promise<string> {
    const text = `${accountId}.${sessionId}.${n}`;
    return `${text}.${await this.mac(text)}`;
  }

  /** @throws Problem session_ended for what was never given out */
  private async read(token: string): Promise<{ accountId: string; sessionId: string; n: number }> {
    const [, text = "", accountId = "", sessionId = "", n = "", mac = ""] =
      /^(([\w-]{1,64})\.([\w-]{1,64})\.(\d{1,9}))\.([\w-]{32})$/.exec(token) ?? [];
    const right = await this.mac(text);
    if (mac.length !== right.length || !timingSafeEqual(Buffer.from(mac), Buffer.from(right))) throw over();
    return { accountId, sessionId, n: Number(n) };
  }

  private async mac(text: string): Promise<string> {
    const { secret } = await this.macKey();
    const { audience } = this.deps;
    const mac = createHmac("sha256", secret).update(`${audience} ${text}`).digest("base64url");
    return mac.slice(0, macCharacters);
  }
}

const keyOf = (sessionId: string) => `session:${sessionId}`;
