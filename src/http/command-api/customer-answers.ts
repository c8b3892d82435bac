import type { z } from "zod";
import { account } from "../../../commands/account/account.ts";
import { type CustomerState, customer, found } from "../../../commands/customer/customer.ts";
import type { Customer } from "../../../commands/customer/state.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { openCustomer } from "../../identity/personal.ts";
import { type CommandAnswer, type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { customerOf } from "../resources/customers.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { Deps } from "../server.ts";

/** What is said of every route of customers. */
export const describeCustomers = <S extends z.ZodType>(summary: string, status: number, answer: S) => ({
  tags: ["customers"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});

type Respond = (state: CustomerState, revision: number) => Found<CustomerState>;
export type RunCustomer = (
  context: CommandContext,
  respond: Respond,
) => Promise<Outcome<Found<CustomerState>>>;

/** A command on one customer's stream. */
export function customerCommand(
  id: string,
  run: RunCustomer,
  answer: (customer: Customer) => Promise<Pick<CommandAnswer, "status" | "body">>,
): RequestCommand<CustomerState> {
  return {
    aim: { decider: customer, id },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: async ({ state, ...where }) => ({ ...(await answer(found(state))), ...where }),
  };
}

/** A customer as its owner, or staff, is shown it. */
export async function shownCustomer({ runtime }: Deps, id: string, state: Customer) {
  const { engine, identity } = runtime;
  const [opened, twoFactor] = await Promise.all([
    openCustomer(identity.sealing, state),
    engine.read(account, id, ({ totp }) => totp !== undefined),
  ]);
  return customerOf(id, opened, twoFactor);
}
