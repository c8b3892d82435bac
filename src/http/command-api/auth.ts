import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { account } from "../../../commands/account/account.ts";
import { languageOf } from "../../mail/templates.ts";
import { header } from "../auth.ts";
import {
  confirmEmailBody,
  emailBody,
  loginBody,
  logoutBody,
  refreshBody,
  registerBody,
  resetBody,
} from "../customer-schemas.ts";
import { acceptedAnswer, loggedInAnswer, tokensAnswer, tokensOf } from "../resources/customers.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { takenOver } from "./me-cart.ts";

const accepted = { accepted: true } as const;

const describe = <S extends z.ZodType>(summary: string, status: number, answer: S) => ({
  tags: ["auth"],
  summary,
  security: [],
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});

/** How customers prove who they are. None of it takes an Idempotency-Key: its answers are secrets. */
export function authCommands(app: App, deps: Deps): void {
  registering(app, deps);
  sessions(app, deps);
  recovering(app, deps);
}

/** What may take its time, or fail, after the answer: who has asked learns nothing of it. */
function afterwards(request: FastifyRequest, work: () => Promise<unknown>): void {
  setImmediate(() => {
    work().catch((error: unknown) => request.log.error({ err: error }, "a message could not be made"));
  });
}

function registering(app: App, { runtime: { identity }, commands, logins }: Deps): void {
  const { accounts, emails } = identity;

  app.post(
    "/v1/auth/register",
    {
      schema: { ...describe("Ask for a link to register", 202, acceptedAnswer), body: emailBody },
    },
    async (request, reply) => {
      const { email } = request.body;
      const mayMail = await logins.mayMail(request, reply, await emails.digestOf(email));
      const language = languageOf(header(request, "accept-language"));
      if (mayMail) afterwards(request, () => accounts.requestRegistration(email, language));
      return reply.code(202).send(accepted);
    },
  );

  app.post(
    "/v1/auth/register/confirm",
    {
      schema: {
        ...describe("Make the account that a link is for, and log in", 201, tokensAnswer),
        body: registerBody,
      },
    },
    async (request, reply) => {
      const { profile = {}, preferences = {}, consents = [], ...given } = request.body;
      const registration = { ...given, profile, preferences, consents };
      await logins.setting(request, reply);
      const loggedIn = await accounts.register(registration, commands.callerOf(request));
      return reply.code(201).send(tokensOf(loggedIn));
    },
  );
}

function sessions(app: App, deps: Deps): void {
  const { runtime, auth, commands, logins } = deps;
  const { identity } = runtime;
  const { accounts } = identity;

  app.post(
    "/v1/auth/login",
    { schema: { ...describe("Log in", 200, loggedInAnswer), body: loginBody } },
    async (request, reply) => {
      const { cartId, ...credentials } = request.body;
      const who = await accounts.countedAs(credentials.email);
      const caller = commands.callerOf(request);
      const loggedIn = await logins.attempt(request, reply, who, () => accounts.logIn(credentials, caller));
      // A cart that somebody else has opened is nobody's proof of anything.
      const isHeld = cartId !== undefined && auth.holdsToken(request, cartId);
      const taken =
        isHeld && (await takenOver(deps, request, loggedIn.customerId, cartId).catch(untaken(request)));
      return { ...tokensOf(loggedIn), ...taken };
    },
  );

  app.post(
    "/v1/auth/refresh",
    {
      schema: {
        ...describe("Exchange a refresh token for the next tokens", 200, tokensAnswer),
        body: refreshBody,
      },
    },
    async (request) => {
      const { accountId, ...tokens } = await identity.sessions.refresh(
        request.body.refreshToken,
        commands.callerOf(request),
      );
      return tokensOf({ customerId: accountId, tokens });
    },
  );

  app.post(
    "/v1/auth/logout",
    {
      schema: {
        ...describe("End this session, or all of them", 204, z.null()),
        security: [{ bearer: [] }],
        body: logoutBody,
      },
    },
    async (request, reply) => {
      const { customerId, sessionId } = auth.requireCustomer(request);
      const caller = commands.callerOf(request);
      if (request.body?.all === true)
        await caller.execute(account, customerId, "EndAllSessions", { reason: "logout" });
      else await caller.execute(account, customerId, "EndSession", { sessionId, reason: "logout" });
      return reply.code(204).send(null);
    },
  );
}

/** Whatever is wrong with a cart, it keeps nobody from logging in. */
function untaken(request: FastifyRequest) {
  return (error: unknown) => {
    request.log.warn({ err: error }, "a guest's cart was not taken over");
    return { merge: "none" as const };
  };
}

function recovering(app: App, { runtime: { identity }, commands, logins }: Deps): void {
  const { accounts, emails } = identity;

  app.post(
    "/v1/auth/password/forgot",
    {
      schema: { ...describe("Ask for a link to set a new password", 202, acceptedAnswer), body: emailBody },
    },
    async (request, reply) => {
      const { email } = request.body;
      const mayMail = await logins.mayMail(request, reply, await emails.digestOf(email));
      const language = languageOf(header(request, "accept-language"));
      if (mayMail) afterwards(request, () => accounts.requestReset(email, language));
      return reply.code(202).send(accepted);
    },
  );

  app.post(
    "/v1/auth/password/reset",
    {
      schema: {
        ...describe("Set the new password that a link is for; all sessions end", 204, z.null()),
        body: resetBody,
      },
    },
    async (request, reply) => {
      await logins.setting(request, reply);
      const who = await accounts.accountCountedAs(await accounts.accountOfReset(request.body.token));
      const caller = commands.callerOf(request);
      await logins.attemptByLink(request, reply, who, () => accounts.reset(request.body, caller));
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/auth/email/confirm",
    {
      schema: {
        ...describe("Use the new e-mail address that a link is for", 204, z.null()),
        body: confirmEmailBody,
      },
    },
    async (request, reply) => {
      await accounts.confirmEmail(request.body.token, commands.callerOf(request));
      return reply.code(204).send(null);
    },
  );
}
