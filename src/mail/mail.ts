import type { Rendered } from "./templates.ts";

export interface Mail extends Rendered {
  /** The same for the same message, however often it is sent. */
  id: string;
  to: string;
}

/** What has been sent, as far as it is remembered. */
export interface SentMail extends Omit<Mail, "html"> {
  sentAt: number;
}

/** The mail port: how messages leave the shop. */
export interface MailTransport {
  /** @throws Error when it was not taken: it may be sent again */
  send(mail: Mail): Promise<void>;
  /** The newest first; left out where nobody could read along. */
  recent?(): Promise<readonly SentMail[]>;
  close(): Promise<void>;
}
