import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Mail, MailTransport, SentMail } from "./mail.ts";

const timeoutMs = 30_000;
const connectionsMax = 2;
/** Of the sandbox: messages that staff are shown, and files that are kept. */
const shownMax = 100;
const filesMax = 1_000;

export interface MailOptions {
  from: string;
}

/** @param url `smtp://user:password@host:port`, or `smtps:` */
export function createSmtpMail(url: string, { from }: MailOptions): MailTransport {
  const timeouts = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
  const transport = createTransport(
    { url, pool: true, maxConnections: connectionsMax, ...timeouts },
    { from, disableFileAccess: true, disableUrlAccess: true },
  );
  return {
    send: async (mail) => {
      await transport.sendMail(messageOf(mail));
    },
    close: async () => transport.close(),
  };
}

/** For trying out: each message is a file in a folder, and staff are shown the last ones. Nothing leaves the machine. */
export function createSandboxMail(
  folder: string,
  { from }: MailOptions,
  clock: () => number = Date.now,
): MailTransport {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "unix" }, { from });
  const sent: SentMail[] = [];
  return {
    send: async (mail) => {
      const { message } = await transport.sendMail(messageOf(mail));
      await mkdir(folder, { recursive: true });
      const sentAt = clock();
      const time = new Date(sentAt).toISOString().replaceAll(":", "");
      await writeFile(join(folder, `${time}-${mail.id}.eml`), message as Buffer, { mode: 0o600 });
      const { html: _, ...shown } = mail;
      sent.unshift({ ...shown, sentAt });
      sent.splice(shownMax);
      await thinOut(folder);
    },
    recent: () => sent,
    close: async () => transport.close(),
  };
}

/** The oldest go first: their names begin with their time. */
async function thinOut(folder: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".eml")).sort();
  for (const name of files.slice(0, Math.max(0, files.length - filesMax))) await rm(join(folder, name));
}

function messageOf({ id, to, subject, text, html }: Mail) {
  return { messageId: `<${id}@cartwright.invalid>`, to: { name: "", address: to }, subject, text, html };
}
