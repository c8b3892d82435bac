import { z } from "zod";
import { account } from "../../../commands/account/account.ts";
import { customer, found } from "../../../commands/customer/customer.ts";
import { customerSubject, openCustomer, totpField } from "../../identity/personal.ts";
import { newRecoveryCodes, newTotp, totpStep } from "../../identity/totp.ts";
import { languageOf } from "../../mail/templates.ts";
import { isoTime } from "../../values/clock.ts";
import { notFound, Problem } from "../../values/problem.ts";
import { header } from "../auth.ts";
import { newEmailBody, passwordBody, totpBody } from "../customer-schemas.ts";
import { requireRecent } from "../edge/recent-login.ts";
import { acceptedAnswer, sessionListAnswer, totpAnswer, totpStartAnswer } from "../resources/customers.ts";
import { emptyBody, idParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeCustomers as describe } from "./customer-answers.ts";

/** A secret that waits for its first code. */
const totpPendingMs = 10 * 60_000;

/** How customers prove who they are, and where they are logged in, by themselves. */
export function credentialCommands(app: App, deps: Deps): void {
  credentials(app, deps);
  twoFactorOn(app, deps);
  twoFactorOff(app, deps);
  sessions(app, deps);
}

function credentials(app: App, { runtime: { identity }, auth, commands, logins }: Deps): void {
  const { accounts, emails } = identity;

  app.put(
    "/v1/me/password",
    {
      schema: { ...describe("Change your password; other sessions end", 204, z.null()), body: passwordBody },
    },
    async (request, reply) => {
      const { customerId, sessionId } = auth.requireCustomer(request);
      const { current, new: wanted } = request.body;
      const caller = commands.callerOf(request);
      await logins.setting(request, reply);
      const who = await accounts.accountCountedAs(customerId);
      await logins.attempt(request, reply, who, () =>
        accounts.changePassword(customerId, { current, wanted, sessionId }, caller),
      );
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/me/email",
    {
      schema: {
        ...describe("Ask for a link to use another e-mail address", 202, acceptedAnswer),
        body: newEmailBody,
      },
    },
    async (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const language = languageOf(header(request, "accept-language"));
      const who = await accounts.accountCountedAs(customerId);
      // Whoever gets it has not asked for it; to nobody, and a right password, the answer is the same.
      const mayMail = await logins.mayMail(request, reply, await emails.digestOf(request.body.email));
      await logins.attempt(request, reply, who, () =>
        accounts.requestEmailChange(customerId, request.body, mayMail ? language : undefined),
      );
      return reply.code(202).send({ accepted: true });
    },
  );
}

function twoFactorOn(app: App, { runtime, auth, commands, logins }: Deps): void {
  const { engine, hot, clock, identity } = runtime;
  const pendingKey = (customerId: string) => `totp:${customerId}`;

  app.post(
    "/v1/me/totp",
    {
      schema: {
        ...describe("Begin two-factor authentication: a secret for your authenticator", 200, totpStartAnswer),
        body: emptyBody,
      },
    },
    async (request) => {
      const who = auth.requireCustomer(request);
      requireRecent(who.loginAt, clock());
      const state = await openCustomer(identity.sealing, await engine.read(customer, who.customerId, found));
      const { secret, uri } = newTotp(state.email ?? who.customerId);
      const sealer = await identity.sealing.sealerFor(customerSubject(who.customerId));
      await hot.set(pendingKey(who.customerId), sealer.seal(totpField, secret), totpPendingMs);
      return { secret, uri };
    },
  );

  app.post(
    "/v1/me/totp/confirm",
    {
      schema: {
        ...describe("Turn it on, with the authenticator's first code", 200, totpAnswer),
        body: totpBody,
      },
    },
    async (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const secret = await hot.get(pendingKey(customerId));
      if (secret === undefined)
        throw new Problem("illegal_transition", "begin with a secret: it was not asked for");
      const opened = await identity.sealing.open<string>(totpField, secret);
      const caller = commands.callerOf(request);
      const who = await identity.accounts.accountCountedAs(customerId);
      return logins.attempt(request, reply, who, async () => {
        const step = opened === null ? undefined : totpStep(opened, request.body.code, caller.now());
        if (step === undefined)
          throw new Problem("invalid_credentials", "the code is not right", { factor: "code" });
        const { codes, digests } = newRecoveryCodes();
        const enable = { secret, recoveryCodes: digests, totpStep: step };
        await identity.accounts.enableTotp(customerId, enable, caller);
        await hot.delete(pendingKey(customerId));
        return { recoveryCodes: codes };
      });
    },
  );
}

function twoFactorOff(app: App, { runtime: { clock, identity }, auth, commands }: Deps): void {
  app.delete(
    "/v1/me/totp",
    {
      schema: { ...describe("Turn two-factor authentication off", 204, z.null()) },
    },
    async (request, reply) => {
      const who = auth.requireCustomer(request);
      requireRecent(who.loginAt, clock());
      await identity.accounts.disableTotp(who.customerId, commands.callerOf(request));
      return reply.code(204).send(null);
    },
  );
}

function sessions(app: App, { runtime: { engine }, auth, commands }: Deps): void {
  app.get(
    "/v1/me/sessions",
    { schema: describe("Where you are logged in", 200, sessionListAnswer) },
    async (request) => {
      const { customerId, sessionId } = auth.requireCustomer(request);
      const all = await engine.read(account, customerId, ({ sessions }) => [...sessions.values()]);
      return {
        items: all.reverse().map((each) => ({
          id: each.sessionId,
          startedAt: isoTime(each.startedAt),
          seenAt: isoTime(each.seenAt),
          current: each.sessionId === sessionId,
        })),
      };
    },
  );

  app.delete(
    "/v1/me/sessions/:id",
    {
      schema: { ...describe("End a session", 204, z.null()), params: idParams },
    },
    async (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const { id: sessionId } = request.params;
      const known = await engine.read(account, customerId, ({ sessions }) => sessions.has(sessionId));
      if (!known) throw notFound("session", sessionId);
      const end = { sessionId, reason: "ended" as const };
      await commands.callerOf(request).execute(account, customerId, "EndSession", end);
      return reply.code(204).send(null);
    },
  );
}
