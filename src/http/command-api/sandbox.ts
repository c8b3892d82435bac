import { setTimeout as sleep } from "node:timers/promises";
import { notFound, Problem } from "../../values/problem.ts";
import type { CommandAnswer } from "../edge/commands.ts";
import { sandboxEventAnswer } from "../resources/payments.ts";
import { noQuery, problemSchema, sandboxEventBody } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { takeWebhook } from "./webhooks.ts";

/** Events that wait for their time to come at once. */
const waitingMax = 1_000;

/** Lets staff play what a gateway tells by webhook: late, more than once, in any order. */
export function sandboxCommands(app: App, deps: Deps): void {
  const { commands, runtime } = deps;
  const { clock, shop } = runtime;
  let waiting = 0;

  app.post(
    "/v1/sandbox/events",
    {
      schema: {
        tags: ["payments"],
        summary: "Have the sandbox send a webhook, later or more than once",
        security: [{ bearer: [] }],
        querystring: noQuery,
        body: sandboxEventBody,
        response: { 202: sandboxEventAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { sign } = shop.gateway;
      if (!sign) throw notFound("gateway", "sandbox");
      const { event, copies = 1, delayMs = 0 } = request.body;
      const text = JSON.stringify(event);
      const send = async (): Promise<void> => {
        const signature = sign(text, clock());
        for (let sent = 0; sent < copies; sent++) await takeWebhook(deps, request, text, signature);
      };
      const answer: CommandAnswer = { status: 202, body: { id: event.id } };
      const run = async (): Promise<CommandAnswer> => {
        if (delayMs === 0) await send();
        else {
          if (waiting >= waitingMax)
            throw new Problem("unavailable", `${waitingMax} events of the sandbox are waiting`);
          waiting++;
          void sleep(delayMs, undefined, { ref: false })
            .then(send)
            .catch((error: unknown) => request.log.warn({ err: error }, "an event of the sandbox was lost"))
            .finally(() => waiting--);
        }
        return answer;
      };
      return commands.operate(request, reply, run, async () => answer);
    },
  );
}
