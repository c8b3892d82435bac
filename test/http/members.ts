import { expect } from "vitest";
import type { Body, HttpShop } from "./shop.ts";
import { staff } from "./shop.ts";

export const password = "correct horse battery";
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** Everybody comes from somewhere else: one place may not ask for many messages. */
export const behindProxy = { TRUST_PROXY: "loopback" };
let people = 0;
export const somebody = () => `person${++people}@example.com`;

export interface Member {
  email: string;
  customerId: string;
  access: Record<string, string>;
  refreshToken: string;
}

export async function mailsTo(of: HttpShop, email: string): Promise<Body[]> {
  // Messages are made after the answer.
  await new Promise((resolve) => setTimeout(resolve, 30));
  await of.runtime.identity.mailer.idle();
  const { items } = (await of.get("/v1/ops/mails", staff)).body;
  return items.filter(({ to }: Body) => to === email);
}

export async function linkTo(of: HttpShop, email: string): Promise<string> {
  const [mail] = await mailsTo(of, email);
  const token = /token=(\S+)/.exec(String(mail?.text))?.[1];
  if (token === undefined) throw new Error(`no link was sent to ${email}: ${JSON.stringify(mail)}`);
  return token;
}

export const send = (of: HttpShop, url: string, body: object, headers = {}) =>
  of.call("POST", `/v1${url}`, { body, headers: { "x-forwarded-for": `10.0.0.${people}`, ...headers } });

export async function member(of: HttpShop, email = somebody(), more: object = {}): Promise<Member> {
  expect((await send(of, "/auth/register", { email })).status).toBe(202);
  const confirmed = await send(of, "/auth/register/confirm", {
    token: await linkTo(of, email),
    password,
    ...more,
  });
  expect(confirmed).toMatchObject({ status: 201, body: { expiresIn: 600 } });
  return memberOf(email, confirmed.body);
}

export const memberOf = (email: string, { customerId, accessToken, refreshToken }: Body): Member => ({
  email,
  customerId,
  access: bearer(accessToken),
  refreshToken,
});

export async function login(of: HttpShop, email: string, more: object = {}): Promise<Member> {
  const answer = await send(of, "/auth/login", { email, password, ...more });
  expect(answer).toMatchObject({ status: 200 });
  return memberOf(email, answer.body);
}
