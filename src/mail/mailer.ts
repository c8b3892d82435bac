import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../values/ids.ts";
import type { MailTransport } from "./mail.ts";
import { type Language, type MailCode, type MailVariables, render } from "./templates.ts";

const waitingMax = 1_000;
const triesMax = 5;
const pauseMs = 2_000;

export interface MailerOptions {
  transport: MailTransport;
  /** Told of a message that could not be sent; not to whom. */
  onFailure: (code: MailCode, error: unknown) => void;
}

/**
 * Sends messages one after the other, after whoever has caused them was answered. What waits when the process ends is
 * lost: these are messages that can be asked for again.
 */
export class Mailer {
  private readonly options: MailerOptions;
  private readonly waiting: (() => Promise<void>)[] = [];
  private sending: Promise<void> | undefined;
  private readonly closing = new AbortController();

  constructor(options: MailerOptions) {
    this.options = options;
  }

  get transport(): MailTransport {
    return this.options.transport;
  }

  post<C extends MailCode>(code: C, language: Language, to: string, values: MailVariables<C>): void {
    const { onFailure } = this.options;
    if (this.waiting.length >= waitingMax) {
      onFailure(code, new Error(`${waitingMax} messages are waiting`));
      return;
    }
    const mail = { id: newId(), to, ...render(code, language, values) };
    this.waiting.push(() => this.send(mail).catch((error: unknown) => onFailure(code, error)));
    this.sending ??= this.sendAll();
  }

  /** Until nothing waits. */
  async idle(): Promise<void> {
    await this.sending;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.sending;
    await this.options.transport.close();
  }

  private async sendAll(): Promise<void> {
    // After the answer to whoever has caused it.
    await new Promise((resolve) => setImmediate(resolve));
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) await next();
    this.sending = undefined;
  }

  private async send(mail: Parameters<MailTransport["send"]>[0]): Promise<void> {
    const { signal } = this.closing;
    for (let tries = 1; ; tries++) {
      try {
        return await this.options.transport.send(mail);
      } catch (error) {
        if (tries >= triesMax || signal.aborted) throw error;
        await sleep(pauseMs * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
      }
    }
  }
}
