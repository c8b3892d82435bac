import fastify, { type FastifyReply } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { addItemBody, checkoutBody } from "../../src/http/schemas.ts";

/**
 * The ceiling of everything that is asked over HTTP: the same framework and the same checks of the same
 * bodies, but nothing is done, and the answer is always the same text.
 */
const bytes = Number(process.env.ANSWER_BYTES);
const wrapper = '{"text":""}';
const answer = JSON.stringify({ text: "x".repeat(Math.max(0, bytes - wrapper.length)) });
const send = (_request: unknown, reply: FastifyReply) => {
  reply.header("Content-Type", "application/json; charset=utf-8").send(answer);
};

const app = fastify();
app.setValidatorCompiler(validatorCompiler);
app.post("/v1/carts/:id/items", { schema: { body: addItemBody } }, send);
app.post("/v1/carts/:id/checkout", { schema: { body: checkoutBody } }, send);
app.get("/rss", async () => ({ bytes: process.memoryUsage.rss() }));
app.get("/*", send);

process.once("SIGTERM", () => process.exit(0));
await app.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT) });
