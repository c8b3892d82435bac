import type { FastifyRequest } from "fastify";
import { systemContext } from "../../../commands/processes/process.ts";
import { handleWebhook, keepWebhook } from "../../../commands/processes/webhooks.ts";
import { notFound } from "../../values/problem.ts";
import { originOf } from "../edge/origin.ts";
import { webhookAnswer } from "../resources/payments.ts";
import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

export function webhookCommands(app: App, deps: Deps): void {
  const { shop } = deps.runtime;
  app.register(async (scope) => {
    // The signature is over the bytes as they were sent.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { gateway: string }; Body: string }>(
      "/v1/webhooks/:gateway",
      {
        schema: {
          tags: ["payments"],
          summary: "Take a payment gateway's event, raw and signed",
          response: { 200: webhookAnswer, "4xx": problemSchema },
        },
      },
      async (request, reply) => {
        if (request.params.gateway !== shop.gateway.name) throw notFound("gateway", request.params.gateway);
        const signature = request.headers["webhook-signature"];
        const given = typeof signature === "string" ? signature : undefined;
        await takeWebhook(deps, request, request.body ?? "", given);
        return reply.code(200).send({ received: true });
      },
    );
  });
}

/**
 * Kept on the log before it is answered; what follows is done then, or by its task.
 * @throws Problem unauthorized, malformed_request, validation_failed
 */
export async function takeWebhook(
  { runtime: { shop, clock } }: Deps,
  request: FastifyRequest,
  body: string,
  signature: string | undefined,
): Promise<void> {
  const { gateway } = shop;
  const event = gateway.readWebhook(body, signature, clock());
  const context = { ...systemContext(clock, `gateway:${gateway.name}`), ...originOf(request) };
  const id = await keepWebhook(shop, event, context);
  void handleWebhook(shop, id, context).catch((error) =>
    request.log.warn({ err: error, webhook: id }, "the webhook is handled later"),
  );
}
