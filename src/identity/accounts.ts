import { type Account, account } from "../../commands/account/account.ts";
import type { accountEvents } from "../../commands/account/events.ts";
import { claim, claimId } from "../../commands/claim/claim.ts";
import { type CustomerState, customer, found, restoredWithinMs } from "../../commands/customer/customer.ts";
import type { consentPurposes, legalBases } from "../../commands/customer/events.ts";
import type { Customer, PreferencesChange } from "../../commands/customer/state.ts";
import { isRefusal } from "../../commands/processes/process.ts";
import type { DataOf } from "../engine/decider.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { Mailer } from "../mail/mailer.ts";
import { type Language, languageOf, type MailCode, type MailVariables } from "../mail/templates.ts";
import type { Sealing } from "../privacy/sealing.ts";
import { deriveId, newId } from "../values/ids.ts";
import { Problem } from "../values/problem.ts";
import type { Caller } from "./caller.ts";
import type { EmailRefs } from "./emails.ts";
import { type Links, linkHours, linkMinutes } from "./links.ts";
import { type Passwords, requireStrong } from "./passwords.ts";
import {
  customerSubject,
  emailField,
  type ProfileChange,
  passwordField,
  sealProfile,
  totpField,
} from "./personal.ts";
import type { Sessions, Tokens } from "./sessions.ts";
import { recoveryDigest, totpStep } from "./totp.ts";

/**
 * A claim whose holder does not have the address was left by a crash, or is about to be used: longer than any link is good,
 * it is nobody's.
 */
const staleClaimMs = 25 * 3_600_000;

export interface AccountsDeps {
  engine: Engine;
  sealing: Sealing;
  emails: EmailRefs;
  links: Links;
  passwords: Passwords;
  sessions: Sessions;
  mailer: Mailer;
  /** Of the storefront, whose pages the links of mails open. */
  storefrontUrl: string;
}

export interface Registration {
  token: string;
  password: string;
  profile: ProfileChange;
  preferences: PreferencesChange;
  consents: readonly Consent[];
}

export interface Consent {
  purpose: (typeof consentPurposes)[number];
  basis: (typeof legalBases)[number];
  textVersion: string;
}

export interface Credentials {
  email: string;
  password: string;
  totp?: string | undefined;
  recoveryCode?: string | undefined;
}

export interface LoggedIn {
  customerId: string;
  tokens: Tokens;
}

type Tell = <C extends MailCode>(code: C, values: MailVariables<C>) => void;

type EnableTotp = DataOf<typeof accountEvents, "TotpEnabled">;

/** Who somebody is, whose password was right. */
interface Proven {
  customerId: string;
  credential: number;
  factor: { totpStep?: number; recoveryCode?: string };
}

/** Customers' accounts: a mailbox is proven before there is one, and a password before how it is logged in to changes. */
export class Accounts {
  private readonly deps: AccountsDeps;

  constructor(deps: AccountsDeps) {
    this.deps = deps;
  }

  /** Sends a link to register, or tells the owner of an account that there is one: who has asked learns neither. */
  async requestRegistration(email: string, language: Language): Promise<void> {
    const { links, mailer } = this.deps;
    if ((await this.holderOf(email)) !== undefined) {
      mailer.post("already_registered", language, email, { link: this.page("forgot-password") });
      return;
    }
    const token = await links.make("register", { email, id: newId() });
    mailer.post("register", language, email, {
      link: this.page("register", token),
      hours: String(linkHours("register")),
    });
  }

  /**
   * Makes the account that a link is for, once, and logs in.
   * @throws Problem token_invalid; already_exists when the address has an account by now; validation_failed for a
   *   password that is easy to guess
   */
  async register(
    { token, password, profile, preferences, consents }: Registration,
    caller: Caller,
  ): Promise<LoggedIn> {
    const { links, sealing, emails, passwords } = this.deps;
    const { email, id } = await links.open("register", token);
    const customerId = deriveId("customer", id);
    // Before anything is claimed, or takes time: a link that was used says nothing any more.
    const isThere = await this.isRegistered(customerId);
    await requireStrong(password, "password", [email]);
    const hash = await passwords.hash(password);
    const [sealer, emailRef] = await Promise.all([
      sealing.sealerFor(customerSubject(customerId)),
      emails.refFor(email),
    ]);
    if (!isThere) {
      await this.claimEmail(emailRef, customerId, caller);
      await caller.execute(customer, customerId, "Register", {
        ...{ emailRef, email: sealer.seal(emailField, email), keyId: sealer.keyId },
        ...{ profile: sealProfile(sealer, profile), preferences, consents },
      });
    }
    const sealed = sealer.seal(passwordField, hash);
    await caller.execute(account, customerId, "SetPassword", { hash: sealed, expected: 0 });
    return { customerId, tokens: await this.start({ customerId, credential: 1, factor: {} }, caller) };
  }

  /**
   * @throws Problem invalid_credentials whatever is wrong; totp_required and account_suspended, which only who knows the
   *   password learns
   */
  async logIn(credentials: Credentials, caller: Caller): Promise<LoggedIn> {
    const customerId = await this.holderOf(credentials.email);
    const proven = await this.prove(customerId, credentials, caller.now());
    const tokens = await this.start(proven, caller);
    // Only who has shown all that is needed opens it again; until then nothing takes its tokens.
    await caller.execute(customer, proven.customerId, "Reactivate", { byStaff: false });
    await this.strengthen(proven, credentials.password, caller);
    return { customerId: proven.customerId, tokens };
  }

  /** Sends a link to who has an account with this address. */
  async requestReset(email: string, language: Language): Promise<void> {
    const { engine, links, mailer } = this.deps;
    const accountId = await this.holderOf(email);
    if (accountId === undefined) return;
    const credential = await engine.read(account, accountId, (state) => state.credential);
    const state = await engine.read(customer, accountId, found);
    const token = await links.make("reset", { accountId, credential, emails: state.emails });
    // As it was proven, however it was written now.
    const kept = await this.emailOf(state);
    if (kept === null) return;
    mailer.post("password_reset", language, kept, {
      link: this.page("reset-password", token),
      minutes: String(linkMinutes("reset")),
    });
  }

  /** @throws Problem token_invalid; totp_required, invalid_credentials; validation_failed */
  async reset(
    {
      token,
      password,
      ...factor
    }: Pick<Credentials, "password" | "totp" | "recoveryCode"> & { token: string },
    caller: Caller,
  ): Promise<void> {
    const { accountId, credential, emails } = await this.deps.links.open("reset", token);
    const state = await this.deps.engine.read(account, accountId, (now) => now);
    await this.requireCurrent(accountId, { credential, emails });
    const shown = await this.proveFactor(state, factor, caller.now());
    await this.setPassword(accountId, password, { expected: credential, factor: shown }, caller);
  }

  /** Ends all other sessions. @throws Problem invalid_credentials; validation_failed */
  async changePassword(
    accountId: string,
    { current, wanted, sessionId }: { current: string; wanted: string; sessionId: string },
    caller: Caller,
  ): Promise<void> {
    const credential = await this.requirePassword(accountId, current);
    await this.setPassword(accountId, wanted, { expected: credential, keep: sessionId, path: "new" }, caller);
  }

  /**
   * Sends a link to the new address, and a notice to the old one.
   * @param language left out, nothing is sent: there were too many
   * @throws Problem invalid_credentials
   */
  async requestEmailChange(
    customerId: string,
    { email, password }: { email: string; password: string },
    language: Language | undefined,
  ): Promise<void> {
    const credential = await this.requirePassword(customerId, password);
    if (language === undefined) return;
    const { engine, links, mailer } = this.deps;
    const state = await engine.read(customer, customerId, found);
    const token = await links.make("email", { customerId, email, credential, emails: state.emails });
    const old = await this.emailOf(state);
    if ((await this.holderOf(email)) === undefined)
      mailer.post("email_change", language, email, {
        link: this.page("confirm-email", token),
        hours: String(linkHours("email")),
      });
    if (old !== null) mailer.post("email_changed", language, old, {});
  }

  /** @throws Problem token_invalid; already_exists when the address has an account by now */
  async confirmEmail(token: string, caller: Caller): Promise<void> {
    const { engine, links, sealing, emails } = this.deps;
    const { customerId, email, ...asked } = await links.open("email", token);
    await this.requireCurrent(customerId, asked);
    const { emailRef: before } = await engine.read(customer, customerId, found);
    const { tell } = await this.mailboxOf(customerId);
    const [sealer, emailRef] = await Promise.all([
      sealing.sealerFor(customerSubject(customerId)),
      emails.refFor(email),
    ]);
    await this.claimEmail(emailRef, customerId, caller);
    try {
      const change = { emailRef, email: sealer.seal(emailField, email), expected: asked.emails };
      await caller.execute(customer, customerId, "ChangeEmail", change);
    } catch (error) {
      // Another link was quicker.
      if (isRefusal(error)) await this.releaseEmail(emailRef, customerId, caller);
      throw error;
    }
    await this.releaseEmail(before, customerId, caller);
    tell("email_replaced", {});
  }

  /** Closes an account and ends its sessions; a login within a month opens it again. */
  async close(customerId: string, caller: Caller): Promise<void> {
    const { tell } = await this.mailboxOf(customerId);
    await caller.execute(customer, customerId, "Deactivate", {});
    await caller.execute(account, customerId, "EndAllSessions", { reason: "closed" });
    tell("account_closed", { days: String(restoredWithinMs / 86_400_000) });
  }

  async enableTotp(customerId: string, totp: EnableTotp, caller: Caller): Promise<void> {
    const { tell } = await this.mailboxOf(customerId);
    await caller.execute(account, customerId, "EnableTotp", totp);
    tell("two_factor_on", {});
  }

  async disableTotp(customerId: string, caller: Caller): Promise<void> {
    const { tell } = await this.mailboxOf(customerId);
    await caller.execute(account, customerId, "DisableTotp", {});
    tell("two_factor_off", {});
  }

  /** By staff. */
  async suspend(customerId: string, reason: string, caller: Caller): Promise<void> {
    await caller.execute(customer, customerId, "Suspend", { reason });
    await caller.execute(account, customerId, "EndAllSessions", { reason: "suspended" });
  }

  /** @returns the number of the password that was right. @throws Problem invalid_credentials */
  async requirePassword(accountId: string, password: string): Promise<number> {
    const state = await this.deps.engine.read(account, accountId, (now) => now);
    if (!(await this.isRight(state, password)))
      throw new Problem("invalid_credentials", "the password is not right");
    return state.credential;
  }

  /**
   * A claim alone proves nothing: what a crash has left behind, or what was meant for an account and came to nothing, is
   * nobody's login.
   * @returns who has an account with an e-mail address
   */
  async holderOf(email: string): Promise<string | undefined> {
    const emailRef = await this.deps.emails.refOf(email);
    if (emailRef === undefined) return undefined;
    const holder = await this.deps.engine.read(claim, claimId("email", emailRef), (state) =>
      state.held ? state.holder : undefined,
    );
    return holder !== undefined && (await this.hasAddress(holder, emailRef)) ? holder : undefined;
  }

  /**
   * What failures to log in are counted by: an address, whether there is an account with it or not, and which password
   * of it is tried.
   */
  async countedAs(email: string): Promise<string> {
    const [digest, holder] = await Promise.all([this.deps.emails.digestOf(email), this.holderOf(email)]);
    const ofHolder = (id: string) => this.deps.engine.read(account, id, ({ credential }) => credential);
    return `${digest}.${holder === undefined ? 0 : await ofHolder(holder)}`;
  }

  /** The same, of an account. @throws Problem not_found */
  async accountCountedAs(accountId: string): Promise<string> {
    const email = await this.emailOf(await this.deps.engine.read(customer, accountId, found));
    return email === null ? accountId : this.countedAs(email);
  }

  /** Whose password a link sets. @throws Problem token_invalid */
  async accountOfReset(token: string): Promise<string> {
    return (await this.deps.links.open("reset", token)).accountId;
  }

  private hasAddress(customerId: string, emailRef: string): Promise<boolean> {
    return this.deps.engine.read(
      customer,
      customerId,
      (state) => state.phase === "there" && state.customer.emailRef === emailRef,
    );
  }

  /** @returns false while there is no password yet. @throws Problem token_invalid once there is */
  private async isRegistered(customerId: string): Promise<boolean> {
    const { engine } = this.deps;
    const isThere = await engine.read(customer, customerId, ({ phase }) => phase === "there");
    if (isThere && (await engine.read(account, customerId, ({ credential }) => credential > 0)))
      throw new Problem("token_invalid", "the link was used before");
    return isThere;
  }

  /** @throws Problem token_invalid for a link of before a change of the password or the address, and while the account is suspended */
  private async requireCurrent(
    accountId: string,
    { credential, emails }: { credential: number; emails: number },
  ): Promise<void> {
    const { engine } = this.deps;
    const now = await engine.read(account, accountId, (state) => state.credential);
    const state = await engine.read(customer, accountId, found);
    if (now !== credential || state.emails !== emails || state.status === "suspended")
      throw new Problem("token_invalid", "the link was used before, or something has changed since");
  }

  /** What is checked takes as long for who has no account. */
  private async prove(
    customerId: string | undefined,
    { password, ...factor }: Credentials,
    now: number,
  ): Promise<Proven> {
    const { engine } = this.deps;
    const state =
      customerId === undefined ? undefined : await engine.read(account, customerId, (each) => each);
    const isRight = await this.isRight(state, password);
    if (!isRight || customerId === undefined || !state) throw wrongPassword();
    const isSuspended = (each: CustomerState) =>
      each.phase === "there" && each.customer.status === "suspended";
    if (await engine.read(customer, customerId, isSuspended))
      throw new Problem("account_suspended", "the account is suspended");
    return { customerId, credential: state.credential, factor: await this.proveFactor(state, factor, now) };
  }

  private async isRight(state: Account | undefined, password: string): Promise<boolean> {
    const { sealing, passwords } = this.deps;
    const known = state?.hash === undefined ? null : await sealing.open<string>(passwordField, state.hash);
    return passwords.verify(known ?? undefined, password);
  }

  /** @throws Problem totp_required, invalid_credentials */
  private async proveFactor(
    { totp }: Account,
    given: Pick<Credentials, "totp" | "recoveryCode">,
    now: number,
  ): Promise<Proven["factor"]> {
    if (!totp) return {};
    if (given.recoveryCode !== undefined) return { recoveryCode: recoveryDigest(given.recoveryCode) };
    if (given.totp === undefined)
      throw new Problem("totp_required", "this account needs a code of its authenticator");
    const secret = await this.deps.sealing.open<string>(totpField, totp.secret);
    const step = secret === null ? undefined : totpStep(secret, given.totp, now);
    if (step === undefined)
      throw new Problem("invalid_credentials", "the code is not right", { factor: "code" });
    return { totpStep: step };
  }

  /** A password that was hashed by weaker settings is hashed again, now that it is known. */
  private async strengthen(
    { customerId, credential }: Proven,
    password: string,
    caller: Caller,
  ): Promise<void> {
    const { engine, sealing, passwords } = this.deps;
    const sealed = await engine.read(account, customerId, (state) => state.hash);
    const known = sealed === undefined ? null : await sealing.open<string>(passwordField, sealed);
    if (known === null || !passwords.isOutdated(known)) return;
    const sealer = await sealing.sealerFor(customerSubject(customerId));
    const hash = sealer.seal(passwordField, await passwords.hash(password));
    await caller.execute(account, customerId, "Rehash", { hash, expected: credential });
  }

  private async start({ customerId, credential, factor }: Proven, caller: Caller): Promise<Tokens> {
    const sessionId = newId();
    const startedAt = caller.now();
    await caller.execute(account, customerId, "StartSession", { sessionId, credential, ...factor });
    return this.deps.sessions.tokensOf(customerId, sessionId, startedAt, startedAt);
  }

  private async setPassword(
    accountId: string,
    password: string,
    {
      path = "password",
      ...which
    }: { expected: number; keep?: string; factor?: Proven["factor"]; path?: string },
    caller: Caller,
  ): Promise<void> {
    const { sealing, passwords } = this.deps;
    const { email, tell } = await this.mailboxOf(accountId);
    await requireStrong(password, path, email === null ? [] : [email]);
    const sealer = await sealing.sealerFor(customerSubject(accountId));
    const hash = sealer.seal(passwordField, await passwords.hash(password));
    await caller.execute(account, accountId, "SetPassword", { hash, ...which });
    tell("password_changed", {});
  }

  /** Where a customer is told of what is about to be done: looked up before it, so that it is not told of in vain. */
  private async mailboxOf(customerId: string): Promise<{ email: string | null; tell: Tell }> {
    const { engine, mailer } = this.deps;
    const state = await engine.read(customer, customerId, found);
    const email = await this.emailOf(state);
    const language = languageOf(state.preferences.language);
    const tell: Tell = (code, values) => {
      if (email !== null) mailer.post(code, language, email, values);
    };
    return { email, tell };
  }

  /** @returns null where its key was destroyed */
  private emailOf({ email }: Customer): Promise<string | null> {
    return this.deps.sealing.open<string>(emailField, email);
  }

  private async claimEmail(emailRef: string, customerId: string, caller: Caller): Promise<void> {
    const stream = claimId("email", emailRef);
    const state = await this.deps.engine.read(claim, stream, (now) => now);
    const isStale =
      state.held &&
      state.holder !== customerId &&
      caller.now() - state.since > staleClaimMs &&
      !(await this.hasAddress(state.holder, emailRef));
    try {
      if (isStale)
        await caller.execute(claim, stream, "TakeOver", { from: state.holder, holder: customerId });
      else await caller.execute(claim, stream, "Claim", { holder: customerId });
    } catch (error) {
      if (!(error instanceof Problem) || !/already_exists|illegal_transition/.test(error.code)) throw error;
      // Whose it is, is nobody's business.
      throw new Problem("already_exists", "there is an account with this e-mail address");
    }
  }

  private async releaseEmail(emailRef: string, customerId: string, caller: Caller): Promise<void> {
    await caller.execute(claim, claimId("email", emailRef), "Release", { holder: customerId });
  }

  /** In the fragment, which no server is sent and no log keeps. */
  private page(name: string, token?: string): string {
    const { storefrontUrl } = this.deps;
    return `${storefrontUrl}/account/${name}${token === undefined ? "" : `#token=${token}`}`;
  }
}

function wrongPassword(): Problem {
  return new Problem("invalid_credentials", "the e-mail address or the password is not right");
}
