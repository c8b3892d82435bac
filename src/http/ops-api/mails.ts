import { z } from "zod";
import { isoTime } from "../../values/clock.ts";
import { Problem } from "../../values/problem.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

const mailsAnswer = z.strictObject({
  items: z.array(
    z.strictObject({
      id: z.string(),
      to: z.string(),
      subject: z.string(),
      text: z.string(),
      sentAt: z.iso.datetime(),
    }),
  ),
});

/** What the sandbox for mail has taken: with a mail server there is none, and nobody reads along. */
export function mailOps(app: App, { runtime }: Deps): void {
  app.get(
    "/v1/ops/mails",
    {
      schema: {
        tags: ["operations"],
        summary: "The last messages that were sent, newest first; only where they go nowhere",
        security: [{ bearer: [] }],
        querystring: noQuery,
        response: { 200: mailsAnswer, "4xx": problemSchema },
      },
    },
    async () => {
      const { transport } = runtime.identity.mailer;
      if (!transport.recent)
        throw new Problem("not_found", "messages go to a mail server: they are not shown");
      const recent = await transport.recent();
      return { items: recent.map((mail) => ({ ...mail, sentAt: isoTime(mail.sentAt) })) };
    },
  );
}
