import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TOTP } from "otpauth";
import { describe, expect, test } from "vitest";
import { bearer, behindProxy, linkTo, login, mailsTo, member, password, send, somebody } from "./members.ts";
import { type Body, openShop, sharedShop, staff } from "./shop.ts";

const shop = sharedShop({ env: behindProxy });

describe("registering", () => {
  test("answers the same whoever has an account, and writes nothing", async () => {
    const { email } = await member(shop());
    const other = somebody();
    const head = await shop().runtime.events.head();
    const answers = [
      await send(shop(), "/auth/register", { email }),
      await send(shop(), "/auth/register", { email: other }),
    ];
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [202, { accepted: true }],
      [202, { accepted: true }],
    ]);
    const [[known], [unknown]] = [await mailsTo(shop(), email), await mailsTo(shop(), other)];
    expect(known?.subject).toBe("You have an account already");
    expect(unknown?.subject).toBe("Confirm your e-mail address");
    expect(await shop().runtime.events.head()).toBe(head);
  });

  test("is for one account an address, however it is written", async () => {
    const { email } = await member(shop());
    const again = somebody();
    await send(shop(), "/auth/register", { email: again });
    const token = await linkTo(shop(), again);
    const written = again.replace("person", "PERSON");
    await send(shop(), "/auth/register", { email: written });
    const upper = await linkTo(shop(), written);
    const first = await send(shop(), "/auth/register/confirm", { token, password });
    const second = await send(shop(), "/auth/register/confirm", { token: upper, password });
    expect([first.status, second.status, second.body.code]).toEqual([201, 409, "already_exists"]);
    expect(JSON.stringify(second.body)).not.toContain(first.body.customerId);
    expect(email).toContain("@");
  });

  test("by one link at once makes one account", async () => {
    const email = somebody();
    await send(shop(), "/auth/register", { email });
    const token = await linkTo(shop(), email);
    const answers = await Promise.all(
      [1, 2].map(() => send(shop(), "/auth/register/confirm", { token, password })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
    expect(answers.find(({ status }) => status === 422)?.body.code).toBe("token_invalid");
  });

  test("takes a link for what it is for, and passwords that are not easily guessed", async () => {
    const email = somebody();
    await send(shop(), "/auth/register", { email });
    const token = await linkTo(shop(), email);
    const reset = await send(shop(), "/auth/password/reset", { token, password });
    expect([reset.status, reset.body.code]).toEqual([422, "token_invalid"]);
    for (const weak of ["password1", email, "aaaaaaaaaaaa"]) {
      const { status, body } = await send(shop(), "/auth/register/confirm", { token, password: weak });
      expect({ weak, status, at: body.errors?.[0]?.path }).toEqual({ weak, status: 422, at: "password" });
    }
    const changed = `${token.slice(0, -3)}AAA`;
    expect((await send(shop(), "/auth/register/confirm", { token: changed, password })).body.code).toBe(
      "token_invalid",
    );
  });

  test("takes a profile and consents along", async () => {
    const consent = { purpose: "newsletter", textVersion: "2026-11" };
    const { access } = await member(shop(), somebody(), {
      profile: { firstName: "Ada", phone: "+491701234567" },
      preferences: { language: "de" },
      consents: [consent],
    });
    expect((await shop().get("/v1/me", access)).body).toMatchObject({
      firstName: "Ada",
      phone: "+491701234567",
      language: "de",
      consents: [{ ...consent, granted: true, basis: "consent" }],
      twoFactor: false,
    });
  });
});

describe("a session", () => {
  test("is refreshed by tokens that are good once, and for two tabs at once", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const { email, refreshToken } = await member(own);
    const refresh = (token: string) => send(own, "/auth/refresh", { refreshToken: token });
    const [one, other] = await Promise.all([refresh(refreshToken), refresh(refreshToken)]);
    expect([one.status, other.status]).toEqual([200, 200]);
    expect(other.body.refreshToken).toBe(one.body.refreshToken);
    expect((await own.get("/v1/me", bearer(one.body.accessToken))).body.email).toBe(email);
    now += 11_000;
    const reused = await refresh(refreshToken);
    expect([reused.status, reused.body.code]).toEqual([401, "session_ended"]);
    // Whoever has the newer one may be the thief.
    expect((await refresh(one.body.refreshToken)).status).toBe(401);
    expect((await own.get("/v1/me", bearer(one.body.accessToken))).status).toBe(401);
  });

  test("goes on when what counts its uses was lost, and is not stolen by an older token", async () => {
    const { refreshToken } = await member(shop());
    const { hot } = shop().runtime;
    const forget = (token: string) => hot.delete(`session:${token.split(".")[1]}`);
    const refresh = (token: string) => send(shop(), "/auth/refresh", { refreshToken: token });
    const second = (await refresh(refreshToken)).body.refreshToken;
    const third = (await refresh(second)).body.refreshToken;
    await forget(third);
    const fourth = await refresh(third);
    expect(fourth.status).toBe(200);
    await forget(third);
    expect((await refresh(second)).status).toBe(401);
    expect((await refresh(fourth.body.refreshToken)).status).toBe(401);
  });

  test("ends at once where it is ended, its access token too", async () => {
    const { email, access } = await member(shop());
    const [second, third] = [await login(shop(), email), await login(shop(), email)];
    expect((await shop().get("/v1/me/sessions", access)).body.items).toHaveLength(3);
    expect((await send(shop(), "/auth/logout", {}, access)).status).toBe(204);
    const wrong = { current: "not that", new: "another horse battery" };
    expect(
      await shop().call("PUT", "/v1/me/password", { body: wrong, headers: second.access }),
    ).toMatchObject({
      status: 401,
      body: { code: "invalid_credentials" },
    });
    const right = { ...wrong, current: password };
    const changed = await shop().call("PUT", "/v1/me/password", { body: right, headers: second.access });
    expect(changed.status).toBe(204);
    const seen = await Promise.all(
      [access, second.access, third.access].map(async (each) => (await shop().get("/v1/me", each)).status),
    );
    expect(seen).toEqual([401, 200, 401]);
    expect((await send(shop(), "/auth/refresh", { refreshToken: third.refreshToken })).status).toBe(401);
    expect((await mailsTo(shop(), email))[0]?.subject).toBe("Your password was changed");
  });

  test("of a token that is none, or is another's, is none", async () => {
    const { access, customerId } = await member(shop());
    const token = String(access.authorization).slice("Bearer ".length);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const kid = JSON.parse(Buffer.from(header, "base64url").toString()).kid;
    const forged = [
      `${encoded({ alg: "none", typ: "at+jwt", kid })}.${payload}.`,
      `${encoded({ alg: "none", typ: "at+jwt", kid })}.${payload}.${signature}`,
      `${encoded({ alg: "HS256", typ: "at+jwt", kid })}.${payload}.${signature}`,
      `${encoded({ alg: "EdDSA", typ: "at+jwt", kid: "../x", jku: "http://127.0.0.1:1/keys" })}.${payload}.${signature}`,
      `${header}.${encoded({ sub: customerId, sid: "x", aud: "customer" })}.${signature}`,
      `${header}.${payload}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`,
    ];
    for (const each of forged) expect((await shop().get("/v1/me", bearer(each))).status).toBe(401);
    expect((await shop().get("/v1/orders", access)).status).toBe(401);
    expect((await shop().get("/v1/ops/mails", access)).status).toBe(401);
    expect((await shop().get("/v1/me", staff)).status).toBe(401);
  });
});

describe("credentials", () => {
  test("that are wrong say nothing, and are checked for nobody as for somebody", async () => {
    const { email } = await member(shop());
    const wrong = await send(shop(), "/auth/login", { email, password: "wrong" });
    const nobody = await send(shop(), "/auth/login", { email: somebody(), password: "wrong" });
    expect(nobody.body).toEqual(wrong.body);
    expect([wrong.status, wrong.body.code]).toEqual([401, "invalid_credentials"]);
  });

  test("that were wrong ten times are not looked at for a while, whether there is such an account or not", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const { email, refreshToken } = await member(own);
    const nobody = somebody();
    for (const each of [email, nobody])
      for (let n = 0; n < 10; n++)
        expect((await send(own, "/auth/login", { email: each, password: "wrong" })).status).toBe(401);
    for (const each of [email, nobody]) {
      const refused = await send(own, "/auth/login", { email: each, password });
      expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "900"]);
    }
    // Who is logged in stays so.
    expect((await send(own, "/auth/refresh", { refreshToken })).status).toBe(200);
    now += 15 * 60_000;
    expect((await send(own, "/auth/login", { email, password })).status).toBe(200);
    expect((await send(own, "/auth/login", { email: nobody, password })).status).toBe(401);
  });

  test("are reset by a link that is good once, as all others of before; sessions end", async () => {
    const { email, access } = await member(shop());
    const links: string[] = [];
    for (let n = 0; n < 2; n++) {
      expect((await send(shop(), "/auth/password/forgot", { email })).status).toBe(202);
      links.push(await linkTo(shop(), email));
    }
    const reset = (token: string | undefined) =>
      send(shop(), "/auth/password/reset", { token, password: "another horse battery" });
    const answers = [await reset(links[0]), await reset(links[0]), await reset(links[1])];
    expect(answers.map(({ status }) => status)).toEqual([204, 422, 422]);
    expect((await shop().get("/v1/me", access)).status).toBe(401);
    expect((await send(shop(), "/auth/login", { email, password })).status).toBe(401);
    expect((await send(shop(), "/auth/login", { email, password: "another horse battery" })).status).toBe(
      200,
    );
  });

  test("are sent to nobody who has no account, and three times an hour at most", async () => {
    const [{ email }, nobody] = [await member(shop()), somebody()];
    const before = (await mailsTo(shop(), email)).length;
    for (let n = 0; n < 5; n++)
      for (const each of [email, nobody])
        expect((await send(shop(), "/auth/password/forgot", { email: each })).status).toBe(n < 5 ? 202 : 429);
    // One was the link to register.
    expect((await mailsTo(shop(), email)).length - before).toBe(2);
    expect(await mailsTo(shop(), nobody)).toEqual([]);
  });

  test("with another e-mail address are for the old one until the new one is proven", async () => {
    const { email, access } = await member(shop());
    const next = somebody();
    const ask = (more: object) => send(shop(), "/me/email", { email: next, ...more }, access);
    expect((await ask({ password: "wrong" })).status).toBe(401);
    expect((await ask({ password })).status).toBe(202);
    expect((await mailsTo(shop(), email))[0]?.subject).toBe("Your e-mail address is about to change");
    await login(shop(), email);
    const token = await linkTo(shop(), next);
    expect((await send(shop(), "/auth/email/confirm", { token })).status).toBe(204);
    expect((await send(shop(), "/auth/email/confirm", { token })).body.code).toBe("token_invalid");
    expect((await send(shop(), "/auth/login", { email, password })).status).toBe(401);
    await login(shop(), next);
    expect((await shop().get("/v1/me", access)).body.email).toBe(next);
    expect((await mailsTo(shop(), email))[0]?.subject).toBe("Your account has another e-mail address");
    // The old one is free.
    await send(shop(), "/auth/register", { email });
    expect((await mailsTo(shop(), email))[0]?.subject).toBe("Confirm your e-mail address");
  });
});

test("two-factor authentication takes each code and each recovery code once", async () => {
  let now = Date.parse("2026-03-01T10:00:00Z");
  const own = await openShop({ env: behindProxy, clock: () => now });
  const { email, access } = await member(own);
  const { secret } = (await send(own, "/me/totp", {}, access)).body;
  const code = () => new TOTP({ secret }).generate({ timestamp: now });
  expect((await send(own, "/me/totp/confirm", { code: "000000" }, access)).status).toBe(401);
  const { recoveryCodes } = (await send(own, "/me/totp/confirm", { code: code() }, access)).body;
  expect(recoveryCodes).toHaveLength(10);
  expect((await mailsTo(own, email))[0]?.subject).toBe("Two-factor authentication is on");
  expect((await send(own, "/auth/login", { email, password })).body.code).toBe("totp_required");
  expect((await send(own, "/auth/login", { email, password: "wrong" })).body.code).toBe(
    "invalid_credentials",
  );
  expect((await send(own, "/auth/login", { email, password, totp: code() })).status).toBe(401);
  now += 30_000;
  for (const factor of [{ totp: code() }, { recoveryCode: recoveryCodes[3].toLowerCase() }]) {
    const twice = await Promise.all(
      [1, 2].map(() => send(own, "/auth/login", { email, password, ...factor })),
    );
    expect(twice.map(({ status }) => status).sort()).toEqual([200, 401]);
  }
  now += 11 * 60_000;
  const late = await login(own, email, { recoveryCode: recoveryCodes[4] });
  now += 11 * 60_000;
  const { accessToken } = (await send(own, "/auth/refresh", { refreshToken: late.refreshToken })).body;
  expect(await own.call("DELETE", "/v1/me/totp", { headers: bearer(accessToken) })).toMatchObject({
    status: 403,
    body: { code: "recent_login_required" },
  });
  const fresh = await login(own, email, { recoveryCode: recoveryCodes[5] });
  expect((await own.call("DELETE", "/v1/me/totp", { headers: fresh.access })).status).toBe(204);
  expect((await mailsTo(own, email))[0]?.subject).toBe("Two-factor authentication is off");
  await login(own, email);
});

describe("an account", () => {
  const address = {
    fullName: "Ada L",
    addressLine1: "1 High Street",
    city: "London",
    postalCode: "N1 1AA",
    country: "GB",
  };

  test("keeps addresses, with one default for each use whenever one fits", async () => {
    const { access } = await member(shop());
    const add = async (more: object = {}) =>
      (await send(shop(), "/me/addresses", { ...address, ...more }, access)).body;
    const all = async () =>
      (await shop().get("/v1/me/addresses", access)).body.items.map(
        ({ id, isDefaultShipping, isDefaultBilling }: Body) => [id, isDefaultShipping, isDefaultBilling],
      );
    const first = await add({ usage: "shipping", coordinates: { latitude: 51.5, longitude: -0.1 } });
    expect(first).toMatchObject({
      ...address,
      label: "home",
      isDefaultShipping: true,
      isDefaultBilling: false,
    });
    const second = await add({ label: "work" });
    const third = await add({ usage: "shipping" });
    expect(await all()).toEqual([
      [first.id, true, false],
      [second.id, false, true],
      [third.id, false, false],
    ]);
    const set = (body: object) => shop().call("PUT", "/v1/me/addresses/defaults", { body, headers: access });
    expect((await set({ billing: third.id })).status).toBe(409);
    expect((await set({ shipping: second.id })).status).toBe(200);
    const removed = await shop().call("DELETE", `/v1/me/addresses/${second.id}`, { headers: access });
    expect(removed.status).toBe(200);
    expect(await all()).toEqual([
      [first.id, false, false],
      [third.id, true, false],
    ]);
    const moved = { ...address, usage: "both", city: "Leeds" };
    const put = await shop().call("PUT", `/v1/me/addresses/${first.id}`, { body: moved, headers: access });
    expect(put.body).toMatchObject({ city: "Leeds", isDefaultBilling: true });
    const other = await member(shop());
    expect(
      (await shop().call("DELETE", `/v1/me/addresses/${first.id}`, { headers: other.access })).status,
    ).toBe(404);
  });

  test("shows what was agreed to, and taken back, with the text that was read", async () => {
    const { access } = await member(shop());
    const put = (granted: boolean, textVersion: string) =>
      shop().call("PUT", "/v1/me/consents/newsletter", { body: { granted, textVersion }, headers: access });
    await put(false, "v0");
    await put(true, "v1");
    await put(true, "v1");
    await put(false, "v1");
    const { items } = (await shop().get("/v1/me/consents", access)).body;
    expect(items.map(({ granted, textVersion }: Body) => [granted, textVersion])).toEqual([
      [false, "v1"],
      [true, "v1"],
    ]);
  });

  test("names what it does not take", async () => {
    const { access } = await member(shop());
    const wrong = await shop().call("PATCH", "/v1/me", {
      body: { status: "active", role: "owner" },
      headers: access,
    });
    expect(wrong.status).toBe(422);
    expect(JSON.stringify(wrong.body.errors)).toMatch(/status.*role/);
    const changed = await shop().call("PATCH", "/v1/me", {
      body: { firstName: "Ada", birthDate: "1990-02-03" },
      headers: access,
    });
    expect(changed.body).toMatchObject({ firstName: "Ada", birthDate: "1990-02-03" });
    const cleared = await shop().call("PATCH", "/v1/me", { body: { firstName: null }, headers: access });
    expect(cleared.body.firstName).toBeUndefined();
  });

  test("that its customer closes is opened by a login within a month; one that staff suspends is not", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const { email, access, customerId } = await member(own);
    expect((await own.call("DELETE", "/v1/me", { headers: access })).status).toBe(204);
    expect((await own.get("/v1/me", access)).status).toBe(401);
    expect((await mailsTo(own, email))[0]?.text).toContain("Log in within 30 days");
    now += 29 * 86_400_000;
    const again = await login(own, email);
    expect((await own.get("/v1/me", again.access)).body.status).toBe("active");
    const suspend = await send(own, `/customers/${customerId}/suspend`, { reason: "chargebacks" }, staff);
    expect(suspend).toMatchObject({ status: 200, body: { status: "suspended" } });
    expect((await own.get("/v1/me", again.access)).status).toBe(401);
    expect((await send(own, "/auth/login", { email, password: "wrong" })).body.code).toBe(
      "invalid_credentials",
    );
    expect((await send(own, "/auth/login", { email, password })).body.code).toBe("account_suspended");
    await send(own, `/customers/${customerId}/reactivate`, {}, staff);
    const last = await login(own, email);
    await own.call("DELETE", "/v1/me", { headers: last.access });
    now += 31 * 86_400_000;
    expect((await send(own, "/auth/login", { email, password })).status).toBe(409);
  });

  test("is found by staff, by its address too, with what it has bought", async () => {
    const { email, access, customerId } = await member(shop(), somebody(), {
      profile: { lastName: "Lovelace" },
    });
    await shop().product({ skus: ["FOUND"] });
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    await send(shop(), `/carts/${id}/items`, { sku: "FOUND", quantity: 1 }, access);
    const buy = { shippingAddress: address, payment: { method: "credit_card", token: "tok_ok" } };
    const order = await send(shop(), `/carts/${id}/checkout`, buy, access);
    expect(order.status).toBe(201);
    await shop().caughtUp();
    const find = async (query: string) => (await shop().get(`/v1/customers?${query}`, staff)).body.items;
    const written = encodeURIComponent(email.toUpperCase().replace("EXAMPLE.COM", "example.com"));
    expect(await find(`email=${written}`)).toMatchObject([
      { id: customerId, email, lastName: "Lovelace", status: "active", orders: 1 },
    ]);
    expect(await find("email=nobody.at.all@example.com")).toEqual([]);
    await send(shop(), `/customers/${customerId}/suspend`, { reason: "r" }, staff);
    await shop().caughtUp();
    expect(await find("status=suspended")).toMatchObject([{ id: customerId, suspendedFor: "r" }]);
    await send(shop(), `/customers/${customerId}/reactivate`, {}, staff);
    const again = await login(shop(), email);
    const exported = (await shop().get("/v1/me/export", again.access)).body;
    expect(exported).toMatchObject({
      format: "cartwright-export/1",
      customer: { id: customerId, email, lastName: "Lovelace" },
      orders: [{ id: order.body.id, email, shippingAddress: address }],
    });
    expect(exported.sessions).toHaveLength(1);
  });

  test("leaves nothing of who it is in the files of the shop", async () => {
    const own = await openShop({ env: { MAIL_DIR: join("/tmp", `cartwright-mails-${process.pid}`) } });
    const email = "canary.bird@cage.example";
    const { access } = await member(own, email, {
      profile: { firstName: "Zephyrine", phone: "+499998887776" },
    });
    await send(own, "/me/addresses", { ...address, addressLine1: "13 Quarrelsome Lane" }, access);
    await send(own, "/auth/login", { email, password: "wrong" });
    await send(own, "/auth/password/forgot", { email });
    await mailsTo(own, email);
    await own.caughtUp();
    await own.close();
    for (const file of await readdir(own.folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = (await readFile(join(file.parentPath, file.name))).toString("latin1");
      for (const canary of ["canary.bird", "Zephyrine", "9998887776", "Quarrelsome", password])
        expect({ file: file.name, canary, isThere: text.includes(canary) }).toMatchObject({ isThere: false });
    }
  });
});
