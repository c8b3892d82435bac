import { customer, found } from "../../../commands/customer/customer.ts";
import { suspendBody } from "../customer-schemas.ts";
import { customerAnswer } from "../resources/customers.ts";
import { emptyBody, idParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeCustomers as describe, shownCustomer } from "./customer-answers.ts";

/** What staff do about customers. */
export function customerCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine, identity } = runtime;
  const shown = async (id: string) => shownCustomer(deps, id, await engine.read(customer, id, found));
  const requireThere = (id: string) => engine.read(customer, id, found);

  app.post(
    "/v1/customers/:id/suspend",
    {
      schema: {
        ...describe("Suspend a customer: sessions end, and no login begins another", 200, customerAnswer),
        params: idParams,
        body: suspendBody,
      },
    },
    async (request) => {
      const { id } = request.params;
      await requireThere(id);
      await identity.accounts.suspend(id, request.body.reason, commands.callerOf(request));
      return shown(id);
    },
  );

  app.post(
    "/v1/customers/:id/reactivate",
    {
      schema: {
        ...describe("Let a customer in again", 200, customerAnswer),
        params: idParams,
        body: emptyBody,
      },
    },
    async (request) => {
      const { id } = request.params;
      await requireThere(id);
      await commands.callerOf(request).execute(customer, id, "Reactivate", { byStaff: true });
      return shown(id);
    },
  );
}
