import { type Account, account } from "../../commands/account/account.ts";
import { claim, claimId } from "../../commands/claim/claim.ts";
import { type CustomerState, customer, found } from "../../commands/customer/customer.ts";
import type { consentPurposes, legalBases } from "../../commands/customer/events.ts";
import type { PreferencesChange } from "../../commands/customer/state.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { Mailer } from "../mail/mailer.ts";
import { type Language, languageOf } from "../mail/templates.ts";
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
  openCustomer,
  type ProfileChange,
  passwordField,
  sealProfile,
  totpField,
} from "./personal.ts";
import type { Sessions, Tokens } from "./sessions.ts";
import { recoveryDigest, totpStep } from "./totp.ts";

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

/** Who somebody is, whose password was right. */
interface Proven {
  customerId: string;
  credential: number;
  factor: { totpStep?: number; recoveryCode?: string };
}

/** Customers' accounts: mailboxes are proven before there is one, passwords before anything is done to it. */
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
    await requireStrong(password, "password", [email]);
    const customerId = deriveId("customer", id);
    const hash = await passwords.hash(password);
    const [sealer, emailRef] = await Promise.all([
      sealing.sealerFor(customerSubject(customerId)),
      emails.refFor(email),
    ]);
    await this.claimEmail(emailRef, customerId, caller);
    await caller.execute(customer, customerId, "Register", {
      ...{ emailRef, email: sealer.seal(emailField, email), keyId: sealer.keyId },
      ...{ profile: sealProfile(sealer, profile), preferences, consents },
    });
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
    await caller.execute(customer, proven.customerId, "Reactivate", { byStaff: false });
    return { customerId: proven.customerId, tokens: await this.start(proven, caller) };
  }

  /** Sends a link to who has an account with this address. */
  async requestReset(email: string, language: Language): Promise<void> {
    const { engine, links, mailer } = this.deps;
    const accountId = await this.holderOf(email);
    if (accountId === undefined) return;
    const credential = await engine.read(account, accountId, (state) => state.credential);
    const token = await links.make("reset", { accountId, credential });
    mailer.post("password_reset", language, email, {
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
    const { accountId, credential } = await this.deps.links.open("reset", token);
    const state = await this.deps.engine.read(account, accountId, (now) => now);
    if (state.credential !== credential) throw new Problem("token_invalid", "the link was used before");
    await this.proveFactor(state, factor, caller.now());
    await this.setPassword(accountId, password, { expected: credential }, caller);
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

  /** Sends a link to the new address, and a notice to the old one. @throws Problem invalid_credentials */
  async requestEmailChange(
    customerId: string,
    { email, password }: { email: string; password: string },
    language: Language,
  ): Promise<void> {
    await this.requirePassword(customerId, password);
    const { engine, sealing, links, mailer } = this.deps;
    const state = await engine.read(customer, customerId, found);
    const token = await links.make("email", { customerId, email, before: state.emailRef });
    const { email: old } = await openCustomer(sealing, state);
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
    const { customerId, email, before } = await links.open("email", token);
    const state = await engine.read(customer, customerId, found);
    if (state.emailRef !== before) throw new Problem("token_invalid", "the address was changed since");
    const [sealer, emailRef] = await Promise.all([
      sealing.sealerFor(customerSubject(customerId)),
      emails.refFor(email),
    ]);
    await this.claimEmail(emailRef, customerId, caller);
    await caller.execute(customer, customerId, "ChangeEmail", {
      emailRef,
      email: sealer.seal(emailField, email),
    });
    await caller.execute(claim, claimId("email", before), "Release", { holder: customerId });
  }

  /** Closes an account and ends its sessions; a login within a month opens it again. */
  async close(customerId: string, caller: Caller): Promise<void> {
    await caller.execute(customer, customerId, "Deactivate", {});
    await caller.execute(account, customerId, "EndAllSessions", { reason: "closed" });
  }

  /** By staff. */
  async suspend(customerId: string, reason: string, caller: Caller): Promise<void> {
    await caller.execute(customer, customerId, "Suspend", { reason });
    await caller.execute(account, customerId, "EndAllSessions", { reason: "suspended" });
  }

  /** @returns the number of the password that was right. @throws Problem invalid_credentials */
  async requirePassword(accountId: string, password: string): Promise<number> {
    const state = await this.deps.engine.read(account, accountId, (now) => now);
    if (!(await this.isRight(state, password))) throw wrongPassword();
    return state.credential;
  }

  /** @returns who has an account with an e-mail address */
  async holderOf(email: string): Promise<string | undefined> {
    const emailRef = await this.deps.emails.refOf(email);
    if (emailRef === undefined) return undefined;
    return this.deps.engine.read(claim, claimId("email", emailRef), (state) =>
      state.held ? state.holder : undefined,
    );
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

  private async start({ customerId, credential, factor }: Proven, caller: Caller): Promise<Tokens> {
    const sessionId = newId();
    const startedAt = caller.now();
    await caller.execute(account, customerId, "StartSession", { sessionId, credential, ...factor });
    return this.deps.sessions.tokensOf(customerId, sessionId, startedAt, startedAt);
  }

  private async setPassword(
    accountId: string,
    password: string,
    { path = "password", ...which }: { expected: number; keep?: string; path?: string },
    caller: Caller,
  ): Promise<void> {
    const { engine, sealing, passwords } = this.deps;
    const state = await engine.read(customer, accountId, found);
    const { email } = await openCustomer(sealing, state);
    await requireStrong(password, path, email === null ? [] : [email]);
    const sealer = await sealing.sealerFor(customerSubject(accountId));
    const hash = sealer.seal(passwordField, await passwords.hash(password));
    await caller.execute(account, accountId, "SetPassword", { hash, ...which });
    if (email !== null)
      this.deps.mailer.post("password_changed", languageOf(state.preferences.language), email, {});
  }

  private async claimEmail(emailRef: string, customerId: string, caller: Caller): Promise<void> {
    try {
      await caller.execute(claim, claimId("email", emailRef), "Claim", { holder: customerId });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "already_exists") throw error;
      // Whose it is, is nobody's business.
      throw new Problem("already_exists", "there is an account with this e-mail address");
    }
  }

  /** In the fragment, which no server is sent and no log keeps. */
  private page(name: string, token?: string): string {
    const { storefrontUrl } = this.deps;
    return `${storefrontUrl}/#/${name}${token === undefined ? "" : `?token=${token}`}`;
  }
}

function wrongPassword(): Problem {
  return new Problem("invalid_credentials", "the e-mail address or the password is not right");
}
