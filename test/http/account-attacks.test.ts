import { TOTP } from "otpauth";
import { describe, expect, test } from "vitest";
import { account } from "../../commands/account/account.ts";
import { cart as carts } from "../../commands/cart/cart.ts";
import { claim, claimId } from "../../commands/claim/claim.ts";
import { customer } from "../../commands/customer/customer.ts";
import { bearer, behindProxy, linkTo, login, mailsTo, member, password, send, somebody } from "./members.ts";
import { type Body, checkoutBody, type HttpShop, openShop, sharedShop, staff } from "./shop.ts";

/* Each is an attack, or a crash, that was carried out on an earlier version. */

const shop = sharedShop({ env: behindProxy });
const another = "another horse battery";
const day = 86_400_000;

const forgot = async (of: HttpShop, email: string) => {
  await send(of, "/auth/password/forgot", { email });
  return linkTo(of, email);
};
const context = (now: number) => ({ commandId: `c${Math.random()}`, correlationId: "c", actor: "test", now });
const emailRefOf = async (of: HttpShop, email: string) =>
  String(await of.runtime.identity.emails.refOf(email));

/** Two links to move to two addresses, none of them used. */
async function movingLinks(of: HttpShop, access: Record<string, string>): Promise<[string, string][]> {
  const moves: [string, string][] = [];
  for (let n = 0; n < 2; n++) {
    const next = somebody();
    await send(of, "/me/email", { email: next, password }, access);
    moves.push([next, await linkTo(of, next)]);
  }
  return moves;
}

describe("whoever has the mailbox of an account with a second factor", () => {
  test("does not get in by guessing codes at a reset, nor by any text as a recovery code", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const { email, access } = await member(own);
    const { secret } = (await send(own, "/me/totp", {}, access)).body;
    const code = () => new TOTP({ secret }).generate({ timestamp: now });
    const { recoveryCodes } = (await send(own, "/me/totp/confirm", { code: code() }, access)).body;
    now += 60_000;
    const token = await forgot(own, email);
    const reset = (factor: object) =>
      send(own, "/auth/password/reset", { token, password: another, ...factor });
    expect((await reset({})).body.code).toBe("totp_required");
    const wrong = code() === "000000" ? "000001" : "000000";
    const guesses = [];
    for (let n = 0; n < 4; n++) guesses.push((await reset({ totp: wrong })).status);
    guesses.push((await reset({ recoveryCode: "x" })).status);
    expect(guesses).toEqual([401, 401, 401, 401, 401]);
    expect((await reset({ totp: code() })).status).toBe(429);
    now += 15 * 60_000;
    expect((await reset({ recoveryCode: recoveryCodes[0] })).status).toBe(204);
    // Used up by the reset.
    const again = await send(own, "/auth/login", {
      email,
      password: another,
      recoveryCode: recoveryCodes[0],
    });
    expect(again.status).toBe(401);
  });
});

describe("an address", () => {
  test("is not changed by a link that was asked for before the password was reset", async () => {
    const { email, access } = await member(shop());
    const [[, stolen] = ["", ""]] = await movingLinks(shop(), access);
    await send(shop(), "/auth/password/reset", { token: await forgot(shop(), email), password: another });
    expect((await send(shop(), "/auth/email/confirm", { token: stolen })).body.code).toBe("token_invalid");
    expect((await send(shop(), "/auth/login", { email, password: another })).status).toBe(200);
  });

  test("is one, whatever links are used at once or again, and the others are free", async () => {
    const { email, access } = await member(shop());
    const moves = await movingLinks(shop(), access);
    const confirmed = await Promise.all(
      moves.map(async ([, token]) => (await send(shop(), "/auth/email/confirm", { token })).status),
    );
    expect(confirmed.sort()).toEqual([204, 422]);
    const now = (await shop().get("/v1/me", access)).body.email;
    for (const each of [email, ...moves.map(([next]) => next)]) {
      const { status } = await send(shop(), "/auth/login", { email: each, password });
      expect({ each, status }).toEqual({ each, status: each === now ? 200 : 401 });
    }
    const lost = moves.find(([next]) => next !== now)?.[0] as string;
    for (const free of [email, lost]) {
      await send(shop(), "/auth/register", { email: free });
      expect((await mailsTo(shop(), free))[0]?.subject).toBe("Confirm your e-mail address");
    }
    // There and back again, the first link is still that of another time.
    for (const [, token] of moves)
      expect((await send(shop(), "/auth/email/confirm", { token })).body.code).toBe("token_invalid");
  });

  test("that was left is not claimed again by the link that it was registered with", async () => {
    const email = somebody();
    await send(shop(), "/auth/register", { email });
    const token = await linkTo(shop(), email);
    const { body } = await send(shop(), "/auth/register/confirm", { token, password });
    const access = bearer(body.accessToken);
    const [[next, moving] = ["", ""]] = await movingLinks(shop(), access);
    await send(shop(), "/auth/email/confirm", { token: moving });
    expect((await send(shop(), "/auth/register/confirm", { token, password })).body.code).toBe(
      "token_invalid",
    );
    await send(shop(), "/auth/password/forgot", { email });
    expect((await mailsTo(shop(), email)).filter(({ subject }) => subject === "Set a new password")).toEqual(
      [],
    );
    expect((await send(shop(), "/auth/login", { email, password })).status).toBe(401);
    await login(shop(), next);
  });

  test("whose change a crash has cut in two is nobody's login, and free a day later", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const { engine, identity } = own.runtime;
    const { email, customerId } = await member(own);
    const meant = somebody();
    // Claimed, and then killed.
    const ref = await identity.emails.refFor(meant);
    await engine.execute(claim, claimId("email", ref), "Claim", { holder: customerId }, context(now));
    expect((await send(own, "/auth/login", { email: meant, password })).status).toBe(401);
    // Changed, and then killed before the old one was released.
    const moved = { emailRef: "MOVED", email: "s1.x", expected: 1 };
    await engine.execute(customer, customerId, "ChangeEmail", moved, context(now));
    expect((await send(own, "/auth/login", { email, password })).status).toBe(401);
    now += 2 * day;
    for (const each of [meant, email]) {
      const { access } = await member(own, each);
      expect((await own.get("/v1/me", access)).body.email).toBe(each);
    }
  });

  test("that was claimed by a registration that died can be registered, by the same link or a day later", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ env: behindProxy, clock: () => now });
    const [email, other] = [somebody(), somebody()];
    await send(own, "/auth/register", { email });
    const token = await linkTo(own, email);
    const ref = await own.runtime.identity.emails.refFor(other);
    await own.runtime.engine.execute(
      claim,
      claimId("email", ref),
      "Claim",
      { holder: "nobody" },
      context(now),
    );
    now += 2 * day;
    await member(own, other);
    now -= 2 * day;
    // Registered, and then killed before there was a password.
    const { body } = await send(own, "/auth/register/confirm", { token, password });
    expect(body.accessToken).toBeDefined();
    expect(await emailRefOf(own, email)).not.toBe("undefined");
  });
});

describe("a cart", () => {
  async function guestCart(of: HttpShop, sku: string) {
    await of.product({ skus: [sku] });
    return of.cart([sku, 1]);
  }

  test("that two customers take over at once is one's, and the other sees nothing of it", async () => {
    for (let n = 0; n < 5; n++) {
      const guest = await guestCart(shop(), `BOTH-${n}`);
      const [ada, bob] = [await member(shop()), await member(shop())];
      const merges = await Promise.all(
        [ada, bob].map(({ access }) =>
          send(shop(), "/me/cart/merge", { cartId: guest.id }, { ...access, ...guest.guest }),
        ),
      );
      expect(merges.map(({ body }) => body.merge).sort()).toEqual(["assigned", "none"]);
      const shown = await Promise.all([ada, bob].map(({ access }) => shop().get("/v1/me/cart", access)));
      expect(shown.map(({ status }) => status).sort()).toEqual([200, 404]);
    }
  });

  test("that is a guest's is not a customer's because a claim says so", async () => {
    const guest = await guestCart(shop(), "PLANTED");
    const { email, access, customerId } = await member(shop());
    const { engine, clock } = shop().runtime;
    const stream = claimId("activeCart", customerId);
    await engine.execute(claim, stream, "Claim", { holder: guest.id }, context(clock()));
    expect((await shop().get("/v1/me/cart", access)).status).toBe(404);
    const opened = (await send(shop(), "/carts", {}, access)).body;
    expect(opened.id).not.toBe(guest.id);
    // What a crash has left of it is taken over by a login with it.
    const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
    expect(answer.body).toMatchObject({ merge: "merged", cart: { id: opened.id, itemCount: 1 } });
  });

  test("taken over twice at once goes into no cart but the customer's", async () => {
    for (let n = 0; n < 5; n++) {
      const guest = await guestCart(shop(), `TWICE-${n}`);
      const { email } = await member(shop());
      const ask = () => send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
      const answers = await Promise.all([ask(), ask(), ask()]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      const { body } = await shop().get("/v1/me/cart", bearer(answers[0]?.body.accessToken));
      expect(body).toMatchObject({ id: guest.id, status: "open", itemCount: 1 });
    }
  });

  test("that somebody has prepared sends nothing to where they have said", async () => {
    const guest = await guestCart(shop(), "PREPARED");
    const planted = { ...checkoutBody.shippingAddress, addressLine1: "666 Drop Street" };
    const body = { email: "attacker@example.com", shippingAddress: planted };
    await shop().call("PATCH", `/v1/carts/${guest.id}`, { headers: guest.guest, body });
    const { email, access } = await member(shop());
    await send(shop(), "/me/addresses", checkoutBody.shippingAddress, access);
    const { accessToken, cart } = (
      await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest)
    ).body;
    expect(cart.shippingAddress).toBeUndefined();
    const payment = { method: "credit_card", token: "tok_ok" };
    const order = await send(shop(), `/carts/${cart.id}/checkout`, { payment }, bearer(accessToken));
    await shop().caughtUp();
    expect((await shop().get(`/v1/orders/${order.body.id}`, staff)).body).toMatchObject({
      email,
      shippingAddress: checkoutBody.shippingAddress,
    });
  });

  test("that is full keeps nobody from logging in, and the guest's stays", async () => {
    const guest = await guestCart(shop(), "FULL");
    const { email, access } = await member(shop());
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    const { engine, clock } = shop().runtime;
    for (let n = 0; n < 6_000; n++) {
      const line = { sku: "FULL", productId: "p", name: "n", quantity: 1, unitPrice: 1 };
      const add = { cartId: id, items: [line], currency: "USD", lifeMs: day };
      await engine.execute(carts, id, "Add", add, context(clock()));
    }
    const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
    expect([answer.status, answer.body.merge]).toEqual([200, "none"]);
    expect((await shop().get(`/v1/carts/${guest.id}`, guest.guest)).body.status).toBe("open");
  }, 60_000);

  test("of a customer that is being checked out leaves the guest's as it was", async () => {
    const guest = await guestCart(shop(), "BUSY");
    const { email, access } = await member(shop());
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    await send(shop(), `/carts/${id}/items`, { sku: "BUSY", quantity: 1 }, access);
    const waiting = { ...checkoutBody, payment: { method: "credit_card", token: "tok_action" } };
    await send(shop(), `/carts/${id}/checkout`, waiting, access);
    const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
    expect([answer.status, answer.body.merge]).toEqual([200, "cart_locked"]);
    expect((await shop().get(`/v1/carts/${guest.id}`, guest.guest)).body.status).toBe("open");
  });
});

describe("a burst", () => {
  test("of logins has no more of them checked than may fail", async () => {
    const { email } = await member(shop());
    const tries = Array.from({ length: 40 }, (_, n) =>
      send(shop(), "/auth/login", { email, password: n === 30 ? password : "wrong" }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    // A new password begins anew.
    const token = await forgot(shop(), email);
    expect((await send(shop(), "/auth/password/reset", { token, password: another })).status).toBe(204);
    expect((await send(shop(), "/auth/login", { email, password: another })).status).toBe(200);
  });

  test("of changes of the address sends no more than a few messages to it", async () => {
    const { access } = await member(shop());
    const stranger = somebody();
    for (let n = 0; n < 6; n++) await send(shop(), "/me/email", { email: stranger, password }, access);
    expect(await mailsTo(shop(), stranger)).toHaveLength(3);
  });
});

describe("a session", () => {
  test("that a crash has left to who was suspended is none", async () => {
    const { access, customerId, refreshToken } = await member(shop());
    const { engine, clock } = shop().runtime;
    await engine.execute(customer, customerId, "Suspend", { reason: "r" }, context(clock()));
    expect(await engine.read(account, customerId, ({ sessions }) => sessions.size)).toBe(1);
    expect((await shop().get("/v1/me", access)).status).toBe(401);
    expect((await send(shop(), "/auth/refresh", { refreshToken })).status).toBe(401);
  });

  test("counts its first refresh, too", async () => {
    const { refreshToken } = await member(shop());
    const { hot } = shop().runtime;
    const forget = () => hot.delete(`session:${refreshToken.split(".")[1]}`);
    await forget();
    const refresh = () => send(shop(), "/auth/refresh", { refreshToken });
    expect((await refresh()).status).toBe(200);
    await forget();
    expect((await refresh()).status).toBe(401);
  });

  test("is not begun, nor an account opened again, without the second factor", async () => {
    const { email, access, customerId } = await member(shop());
    const { secret } = (await send(shop(), "/me/totp", {}, access)).body;
    await send(shop(), "/me/totp/confirm", { code: new TOTP({ secret }).generate() }, access);
    await shop().call("DELETE", "/v1/me", { headers: access });
    expect((await send(shop(), "/auth/login", { email, password, recoveryCode: "zzz" })).status).toBe(401);
    const status = await shop().runtime.engine.read(customer, customerId, (state) =>
      state.phase === "there" ? state.customer.status : undefined,
    );
    expect(status).toBe("inactive");
  });
});

test("the log holds no digest of what a request has said that somebody could try out", async () => {
  const { access } = await member(shop());
  const body: Body = { phone: "+491701234567" };
  const headers = { ...access, "idempotency-key": "a-key-of-this-test" };
  expect((await shop().call("PATCH", "/v1/me", { headers, body })).status).toBe(200);
  const said = JSON.stringify(["PATCH", "/v1/me", body]);
  const { createHash } = await import("node:crypto");
  const guess = createHash("sha256").update(said).digest("hex").slice(0, 40);
  const taken: string[] = [];
  const page = await shop().runtime.events.readAll({ after: "", types: ["KeyTaken"], maxCount: 1_000 });
  for (const { data } of page.events) taken.push((data as { fingerprint: string }).fingerprint);
  expect(taken.length).toBeGreaterThan(0);
  expect(taken).not.toContain(guess);
});
