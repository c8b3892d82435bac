import fastify, { type FastifyReply } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { addItemBody, checkoutBody } from "../../src/http/schemas.ts";

// The same framework and the same checks of the same bodies, but nothing is done, and the answer is always
// the same text, of the length that was asked for last.
const wrapper = '{"text":""}';
let answer = wrapper;
const send = (_request: unknown, reply: FastifyReply) => {
  reply.header("Content-Type", "application/json; charset=utf-8").send(answer);
};

const app = fastify();
app.setValidatorCompiler(validatorCompiler);
app.post("/v1/carts/:id/items", { schema: { body: addItemBody } }, send);
app.post("/v1/carts/:id/checkout", { schema: { body: checkoutBody } }, send);
app.get("/*", send);
app.put("/answer", async (request) => {
  const { bytes } = request.body as { bytes: number };
  answer = JSON.stringify({ text: "x".repeat(Math.max(0, bytes - wrapper.length)) });
  return { bytes };
});
app.get("/rss", async () => ({ bytes: process.memoryUsage.rss() }));

process.once("SIGTERM", () => process.exit(0));
await app.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT) });
