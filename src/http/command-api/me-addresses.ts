import type { z } from "zod";
import { customer, found } from "../../../commands/customer/customer.ts";
import type { Customer } from "../../../commands/customer/state.ts";
import { addressField, customerSubject, openAddress, openCustomer } from "../../identity/personal.ts";
import { deriveId } from "../../values/ids.ts";
import { notFound } from "../../values/problem.ts";
import { addressBody, defaultsBody } from "../customer-schemas.ts";
import { addressAnswer, addressListAnswer, addressOf } from "../resources/customers.ts";
import { idParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import {
  customerCommand,
  describeCustomers as describe,
  type RunCustomer as Run,
} from "./customer-answers.ts";

/** The addresses of customers, by themselves. */
export function addressCommands(app: App, deps: Deps): void {
  keeping(app, deps);
  forgetting(app, deps);
}

function keeping(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine } = runtime;
  const { shown, all, keptOf } = addressAnswers(deps);

  app.get(
    "/v1/me/addresses",
    {
      schema: describe("Your addresses, in the order you added them", 200, addressListAnswer),
    },
    async (request) => {
      const { customerId } = auth.requireCustomer(request);
      return all(await engine.read(customer, customerId, found));
    },
  );

  app.post(
    "/v1/me/addresses",
    { schema: { ...describe("Keep an address", 201, addressAnswer), body: addressBody } },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      return commands.run(request, reply, (commandId) => {
        const id = deriveId(commandId, "address");
        const run: Run = async (context, respond) => {
          const address = await keptOf(customerId, id, request.body);
          return engine.execute(customer, customerId, "AddAddress", address, context, respond);
        };
        return customerCommand(customerId, run, async (state) => ({
          status: 201,
          body: await shown(state, id),
        }));
      });
    },
  );

  app.put(
    "/v1/me/addresses/:id",
    {
      schema: { ...describe("Change an address", 200, addressAnswer), params: idParams, body: addressBody },
    },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const { id } = request.params;
      const run: Run = async (context, respond) => {
        const address = await keptOf(customerId, id, request.body);
        return engine.execute(customer, customerId, "ChangeAddress", address, context, respond);
      };
      return commands.run(request, reply, () =>
        customerCommand(customerId, run, async (state) => ({ status: 200, body: await shown(state, id) })),
      );
    },
  );
}

function forgetting(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine } = runtime;
  const { all } = addressAnswers(deps);

  app.delete(
    "/v1/me/addresses/:id",
    {
      schema: { ...describe("Forget an address", 200, addressListAnswer), params: idParams },
    },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const { id: addressId } = request.params;
      const run: Run = (context, respond) =>
        engine.execute(customer, customerId, "RemoveAddress", { addressId }, context, respond);
      return commands.run(request, reply, () =>
        customerCommand(customerId, run, async (state) => ({ status: 200, body: await all(state) })),
      );
    },
  );

  app.put(
    "/v1/me/addresses/defaults",
    {
      schema: {
        ...describe("Which addresses are taken where none is said", 200, addressListAnswer),
        body: defaultsBody,
      },
    },
    (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      const run: Run = (context, respond) =>
        engine.execute(customer, customerId, "SetDefaults", request.body, context, respond);
      return commands.run(request, reply, () =>
        customerCommand(customerId, run, async (state) => ({ status: 200, body: await all(state) })),
      );
    },
  );
}

/** What is told of a customer's addresses. */
function addressAnswers({ runtime: { identity } }: Deps) {
  const shown = async (state: Customer, id: string) => {
    const kept = state.addresses.find(({ addressId }) => addressId === id);
    if (!kept) throw notFound("address", id);
    return addressOf(await openAddress(identity.sealing, kept), state.defaults);
  };
  const all = async (state: Customer) => ({
    items: (await openCustomer(identity.sealing, state)).addresses.map((each) =>
      addressOf(each, state.defaults),
    ),
  });
  const keptOf = async (customerId: string, addressId: string, body: z.output<typeof addressBody>) => {
    const { label, usage, ...address } = body;
    const sealer = await identity.sealing.sealerFor(customerSubject(customerId));
    return { addressId, label, usage, country: address.country, address: sealer.seal(addressField, address) };
  };
  return { shown, all, keptOf };
}
