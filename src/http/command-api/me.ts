import { z } from "zod";
import { customer, found } from "../../../commands/customer/customer.ts";
import type { Customer } from "../../../commands/customer/state.ts";
import { customerSubject, type ProfileChange, profileFields, sealProfile } from "../../identity/personal.ts";
import { consentBody, customerChangesBody, purposeParams } from "../customer-schemas.ts";
import { requireRecent } from "../edge/recent-login.ts";
import { consentListAnswer, consentOf, customerAnswer } from "../resources/customers.ts";
import type { App, Deps } from "../server.ts";
import {
  customerCommand,
  describeCustomers as describe,
  type RunCustomer as Run,
  shownCustomer,
} from "./customer-answers.ts";

/** What customers do with their own account. */
export function meCommands(app: App, deps: Deps): void {
  profile(app, deps);
  consents(app, deps);
}

function profile(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine, identity } = runtime;

  app.get("/v1/me", { schema: describe("Who you are", 200, customerAnswer) }, async (request) => {
    const { customerId } = auth.requireCustomer(request);
    return shownCustomer(deps, customerId, await engine.read(customer, customerId, found));
  });

  app.patch(
    "/v1/me",
    {
      schema: {
        ...describe("Change your profile and preferences", 200, customerAnswer),
        body: customerChangesBody,
      },
    },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const run: Run = async (context, respond) => {
        const sealer = await identity.sealing.sealerFor(customerSubject(customerId));
        const { body } = request;
        const personal: readonly string[] = profileFields;
        const preferences = Object.fromEntries(
          Object.entries(body).filter(([field]) => !personal.includes(field)),
        );
        const change = { profile: sealProfile(sealer, body as ProfileChange), preferences };
        return engine.execute(customer, customerId, "Change", change, context, respond);
      };
      return commands.run(request, reply, () =>
        customerCommand(customerId, run, async (state) => ({
          status: 200,
          body: await shownCustomer(deps, customerId, state),
        })),
      );
    },
  );

  app.delete(
    "/v1/me",
    {
      schema: {
        ...describe("Close your account; a login within 30 days opens it again", 204, z.null()),
      },
    },
    async (request, reply) => {
      const who = auth.requireCustomer(request);
      requireRecent(who.loginAt, runtime.clock());
      await identity.accounts.close(who.customerId, commands.callerOf(request));
      return reply.code(204).send(null);
    },
  );
}

function consents(app: App, { runtime, auth, commands }: Deps): void {
  const { engine } = runtime;
  const history = (state: Customer) => ({ items: state.consents.map(consentOf).reverse() });

  app.get(
    "/v1/me/consents",
    { schema: describe("What you have agreed to, and taken back", 200, consentListAnswer) },
    async (request) => {
      const { customerId } = auth.requireCustomer(request);
      return history(await engine.read(customer, customerId, found));
    },
  );

  app.put(
    "/v1/me/consents/:purpose",
    {
      schema: {
        ...describe("Agree to something, or take that back", 200, consentListAnswer),
        params: purposeParams,
        body: consentBody,
      },
    },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const consent = { ...request.params, ...request.body };
      const run: Run = (context, respond) =>
        engine.execute(customer, customerId, "SetConsent", consent, context, respond);
      return commands.run(request, reply, () =>
        customerCommand(customerId, run, async (state) => ({ status: 200, body: history(state) })),
      );
    },
  );
}
