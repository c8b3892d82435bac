import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { Mail, MailTransport, SentMail } from "./mail.ts";

const timeoutMs = 30_000;
const connectionsMax = 2;
/** Of the sandbox: messages that staff are shown, and files that are kept. */
const shownMax = 100;
const filesMax = 1_000;
const countDigits = 9;

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

/**
 * For trying out: each message is a file in a folder, with another one of what staff are shown of it, whichever process
 * has kept it. Nothing leaves the machine.
 */
export function createSandboxMail(
  folder: string,
  { from }: MailOptions,
  clock: () => number = Date.now,
): MailTransport {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "unix" }, { from });
  /** Tells apart what is sent within a millisecond. */
  let count = 0;
  return {
    send: async (mail) => {
      const { message } = await transport.sendMail(messageOf(mail));
      await mkdir(folder, { recursive: true });
      const sentAt = clock();
      const time = new Date(sentAt).toISOString().replaceAll(":", "");
      const name = join(folder, `${time}-${String(++count).padStart(countDigits, "0")}-${mail.id}`);
      await writeFile(`${name}.eml`, message as Buffer, { mode: 0o600 });
      const { html: _, ...shown } = mail;
      const sent: SentMail = { ...shown, sentAt };
      await writeFile(`${name}.tmp`, JSON.stringify(sent), { mode: 0o600 });
      await rename(`${name}.tmp`, `${name}.json`);
      await thinOut(folder, ".eml");
      await thinOut(folder, ".json");
    },
    recent: async () => {
      const last = (await namesIn(folder, ".json")).slice(-shownMax).reverse();
      const texts = await Promise.all(last.map((name) => readFile(join(folder, name), "utf8")));
      return texts.map((text) => JSON.parse(text) as SentMail);
    },
    close: async () => transport.close(),
  };
}

/** The oldest go first: their names begin with their time. */
async function thinOut(folder: string, ending: string): Promise<void> {
  const names = await namesIn(folder, ending);
  // Another process may be quicker.
  for (const name of names.slice(0, Math.max(0, names.length - filesMax)))
    await rm(join(folder, name), { force: true });
}

/** @returns the oldest first; none where there is no folder yet */
async function namesIn(folder: string, ending: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).filter((name) => name.endsWith(ending)).sort();
}

function messageOf({ id, to, subject, text, html }: Mail) {
  return { messageId: `<${id}@cartwright.invalid>`, to: { name: "", address: to }, subject, text, html };
}
