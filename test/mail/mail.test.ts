import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { MailTransport } from "../../src/mail/mail.ts";
import { Mailer } from "../../src/mail/mailer.ts";
import { languageOf, render, templateProblems } from "../../src/mail/templates.ts";
import { createSandboxMail, createSmtpMail } from "../../src/mail/transports.ts";

const from = { from: "shop@example.com" };
const mail = {
  ...{ id: "an-id", to: "ada@example.com", subject: "Grüße", text: "Hello & good day\n" },
  html: "<p>Hello &amp; good day</p>",
};

/** Takes messages as RFC 5321 has it, as far as a client needs. @param refuse how many it refuses first */
async function smtpServer(refuse = 0): Promise<{ url: string; received: string[] }> {
  const received: string[] = [];
  let refusals = refuse;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = "";
    let inData = false;
    socket.write("220 here\r\n");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
      for (;;) {
        const end = inData ? "\r\n.\r\n" : "\r\n";
        const at = text.indexOf(end);
        if (at < 0) return;
        const said = text.slice(0, at);
        text = text.slice(at + end.length);
        if (inData) {
          received.push(said);
          inData = false;
          socket.write("250 taken\r\n");
        } else if (/^DATA/i.test(said)) {
          inData = true;
          socket.write("354 go on\r\n");
        } else if (/^MAIL/i.test(said) && refusals-- > 0) socket.write("451 not now\r\n");
        else if (/^QUIT/i.test(said)) socket.end("221 bye\r\n");
        else socket.write("250 ok\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `smtp://127.0.0.1:${port}`, received };
}

async function mailer(transport: MailTransport) {
  const failures: unknown[] = [];
  const made = new Mailer({ transport, onFailure: (code, error) => failures.push([code, String(error)]) });
  onTestFinished(() => made.close());
  return { mailer: made, failures };
}

test("a message reaches a mail server, to whom it is for, in text and HTML", async () => {
  const { url, received } = await smtpServer();
  const transport = createSmtpMail(url, from);
  await transport.send(mail);
  await transport.close();
  expect(received).toHaveLength(1);
  expect(received[0]).toMatch(/^To: ada@example.com\r?$/m);
  expect(received[0]).toMatch(/^From: shop@example.com\r?$/m);
  expect(received[0]).toMatch(/^Message-ID: <an-id@cartwright.invalid>\r?$/m);
  expect(received[0]).toContain("Hello & good day");
  expect(received[0]).toContain("<p>Hello &amp; good day</p>");
});

test("an address cannot add another one, nor a header", async () => {
  const { url, received } = await smtpServer();
  const transport = createSmtpMail(url, from);
  await transport.send({ ...mail, subject: "One\r\nBcc: eve@example.com" }).catch(() => {});
  await transport.close();
  expect(received.join("\n")).not.toMatch(/^Bcc:/m);
});

test("a message that is refused is sent again, and one that cannot be sent is told of", async () => {
  const { url, received } = await smtpServer(1);
  const { mailer: sending, failures } = await mailer(createSmtpMail(url, from));
  sending.post("password_changed", "en", "ada@example.com", {});
  await sending.idle();
  expect([received.length, failures]).toEqual([1, []]);
  const broken: MailTransport = {
    send: async () => {
      throw new Error("no");
    },
    close: async () => {},
  };
  const { mailer: failing, failures: told } = await mailer(broken);
  failing.post("password_changed", "en", "ada@example.com", {});
  const closed = failing.close();
  await closed;
  expect(told).toEqual([["password_changed", "Error: no"]]);
  // It tells which message it was, and not to whom.
  expect(JSON.stringify(told)).not.toContain("ada@");
}, 20_000);

test("the sandbox keeps each message as a file, and shows the last ones first", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-mail-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const sandbox = createSandboxMail(folder, from);
  await sandbox.send(mail);
  await sandbox.send({ ...mail, id: "another", subject: "Second" });
  expect((await sandbox.recent?.())?.map(({ id }) => id)).toEqual(["another", "an-id"]);
  // Also to a process that has not kept them.
  expect((await createSandboxMail(folder, from).recent?.())?.map(({ subject }) => subject)[0]).toBe("Second");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".eml")).sort();
  expect(files).toHaveLength(2);
  expect(await readFile(join(folder, files[0] as string), "utf8")).toContain("Hello & good day");
});

test("every template has what it is told, and says it in its language", () => {
  expect(templateProblems()).toEqual([]);
  const link = 'https://shop.example/#/register?token="<x>';
  const { subject, text, html } = render("register", "de", { link, hours: "24" });
  expect(subject).toBe("Bestätigen Sie Ihre E-Mail-Adresse");
  expect(text).toContain(link);
  expect(html).toContain("&quot;&lt;x&gt;");
  expect(html).not.toContain('"<x>');
});

test("the language is the first that there is one of", () => {
  expect([
    languageOf("de-AT"),
    languageOf("fr", "de"),
    languageOf(undefined),
    languageOf("__proto__"),
  ]).toEqual(["de", "de", "en", "en"]);
});
