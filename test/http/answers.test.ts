import { TOTP } from "otpauth";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { topicNames } from "../../projections/feed/topics.ts";
import { getOrder, type OrderView } from "../../projections/orders/queries.ts";
import { getStock } from "../../projections/stock/stock.ts";
import { bearer, linkTo, member, password, somebody } from "./members.ts";
import {
  type Body,
  type CallOptions,
  checkoutBody,
  type OpenCart,
  openTimeoutMs,
  sharedShop,
  staff,
} from "./shop.ts";

const shop = sharedShop({ env: { REFUND_APPROVAL_FROM: "1500" } });
type Method = Parameters<ReturnType<typeof shop>["call"]>[0];

interface Described {
  paths: Record<string, Record<string, { responses?: Record<string, { content?: Body }> }>>;
  components: { schemas: Record<string, Body> };
  webhooks: Record<string, Body>;
}
const described = () => shop().app.swagger() as unknown as Described;

/** What the OpenAPI document says of an answer. */
function schemaOf(method: string, path: string, status: number): z.ZodType {
  const { paths, components } = described();
  const schema =
    paths[path]?.[method.toLowerCase()]?.responses?.[status]?.content?.["application/json"]?.schema;
  if (!schema) throw new Error(`${method} ${path} ${status} is not described`);
  const text = JSON.stringify({ ...schema, $defs: components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}

const seen = new Set<string>();

/** @param path as it is described: `{id}` and other parameters are given by name */
async function ask(
  status: number,
  method: Method,
  path: string,
  {
    params = {},
    query = "",
    ...options
  }: CallOptions & { params?: Record<string, string>; query?: string } = {},
): Promise<Body> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? "none"));
  const answer = await shop().call(method, url + query, options);
  const what = `${method} ${path} ${answer.status}`;
  expect({ what, body: answer.body }).toMatchObject({ what: `${method} ${path} ${status}` });
  if (status === 204) {
    expect({ what, text: answer.text }).toEqual({ what, text: "" });
    seen.add(what);
    return answer.body;
  }
  const { error } = schemaOf(method, path, status).safeParse(answer.body);
  expect({ what, wrong: error?.issues ?? [], body: answer.body }).toMatchObject({ wrong: [] });
  seen.add(what);
  return answer.body;
}

const asStaff = { headers: staff };
const send202 = (path: string, body: object) => ask(202, "POST", path, { body });
const usd = (amount: number) => ({ amount, currency: "USD" });

async function goods(): Promise<string> {
  const variants = [{ sku: "A", price: usd(1_000), compareAtPrice: usd(1_200), attributes: { size: "S" } }];
  const images = [{ url: "/a.jpg", alt: "a", primary: true }];
  const fields = { brand: "B", category: "C", tags: ["t"], description: "d", shortDescription: "s", images };
  const shown = {
    seo: { title: "t", description: "d" },
    specifications: [{ name: "Height", value: "1 cm" }],
    relatedProducts: ["none"],
    featured: true,
  };
  const body = { name: "Cup", ...fields, ...shown, variants };
  const { id } = await ask(201, "POST", "/v1/products", { ...asStaff, body });
  const on = { ...asStaff, params: { id, sku: "A" } };
  await ask(200, "PATCH", "/v1/products/{id}", { ...on, body: { name: "Mug" } });
  const more = { sku: "B", name: "Large", price: usd(2_000) };
  await ask(200, "POST", "/v1/products/{id}/variants", { ...on, body: more });
  const coded = { barcode: "1", weightGrams: 2 };
  await ask(200, "PATCH", "/v1/products/{id}/variants/{sku}", { ...on, body: coded });
  await ask(200, "POST", "/v1/products/{id}/variants", { ...on, body: { ...more, sku: "C" } });
  await ask(200, "DELETE", "/v1/products/{id}/variants/{sku}", { ...on, params: { id, sku: "C" } });
  await ask(200, "PUT", "/v1/products/{id}/variants/{sku}/price", { ...on, body: { price: usd(900) } });
  await ask(200, "POST", "/v1/products/{id}/publish", on);
  await ask(201, "POST", "/v1/stock/{sku}/receipts", { ...on, body: { quantity: 500, reference: "r" } });
  await ask(201, "POST", "/v1/stock/{sku}/adjustments", { ...on, body: { delta: -1, reason: "r" } });
  await ask(201, "POST", "/v1/stock/{sku}/counts", { ...on, body: { counted: 500 } });
  const broken = { from: "sellable", to: "damaged", quantity: 1, reason: "r" };
  await ask(201, "POST", "/v1/stock/{sku}/moves", { ...on, body: broken });
  await ask(200, "PUT", "/v1/stock/{sku}/policy", { ...on, body: { lowStockThreshold: 3 } });
  await grouped();
  const gone = await ask(201, "POST", "/v1/products", {
    ...asStaff,
    body: { ...body, name: "Gone", variants: [] },
  });
  await ask(200, "POST", "/v1/products/{id}/archive", { ...asStaff, params: { id: gone.id } });
  return id;
}

async function grouped(): Promise<void> {
  const outer = await ask(201, "POST", "/v1/categories", { ...asStaff, body: { name: "Outer" } });
  const inner = { name: "Inner", parentId: outer.id };
  const { id } = await ask(201, "POST", "/v1/categories", { ...asStaff, body: inner });
  const on = { ...asStaff, params: { id } };
  await ask(200, "PATCH", "/v1/categories/{id}", { ...on, body: { name: "Other", parentId: null } });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/categories/{id}", on);
  await ask(200, "DELETE", "/v1/categories/{id}", on);
  const brand = await ask(201, "POST", "/v1/brands", { ...asStaff, body: { name: "Brand" } });
  const ofBrand = { ...asStaff, params: { id: brand.id } };
  await ask(200, "PATCH", "/v1/brands/{id}", { ...ofBrand, body: { name: "Other" } });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/brands/{id}", ofBrand);
  await ask(200, "DELETE", "/v1/brands/{id}", ofBrand);
}

async function bought(changes: object = {}): Promise<{ order: Body; cart: OpenCart }> {
  const { id, cartToken } = await ask(201, "POST", "/v1/carts");
  const headers = { "cart-token": cartToken as string };
  const on = { headers, params: { id, line: "A" } };
  const line = { sku: "A", quantity: 3 };
  await ask(200, "POST", "/v1/carts/{id}/items", { ...on, body: line });
  await ask(200, "POST", "/v1/carts/{id}/items", {
    ...on,
    ...asStaff,
    body: { ...line, sku: "B", unitPrice: usd(1) },
  });
  await ask(200, "PATCH", "/v1/carts/{id}/items/{line}", { ...on, body: { quantity: 2 } });
  await ask(200, "DELETE", "/v1/carts/{id}/items/{line}", { ...on, params: { id, line: "B" } });
  const { email, shippingAddress } = checkoutBody;
  await ask(200, "PATCH", "/v1/carts/{id}", {
    ...on,
    body: { email, shippingAddress, billingAddress: shippingAddress, shippingMethod: "standard" },
  });
  await ask(200, "POST", "/v1/carts/{id}/quote", { ...on, body: { shippingMethod: "express" } });
  await ask(200, "GET", "/v1/shipping-methods", on);
  await ask(200, "GET", "/v1/carts/{id}", on);
  await ask(200, "GET", "/v1/carts/{id}", { ...on, ...asStaff });
  const body = { ...checkoutBody, billingAddress: checkoutBody.shippingAddress, ...changes };
  const order = await ask(201, "POST", "/v1/carts/{id}/checkout", { ...on, body });
  return { order, cart: { id, guest: { "cart-token": cartToken } } };
}

async function handled({ order, cart }: { order: Body; cart: OpenCart }): Promise<void> {
  const on = { ...asStaff, params: { id: order.id } };
  await ask(201, "POST", "/v1/orders/{id}/notes", { ...on, body: { text: "n" } });
  await ask(201, "POST", "/v1/orders/{id}/notes", { ...on, body: { text: "n", visibility: "customer" } });
  const shipment = { carrier: "Post", trackingNumber: "1" };
  await ask(201, "POST", "/v1/orders/{id}/shipments", { ...on, body: shipment });
  await ask(201, "POST", "/v1/orders/{id}/deliveries", { ...on, body: {} });
  const lines = [{ sku: "A", quantity: 1 }];
  const returned = async () => {
    const body = { lines, reason: "r" };
    const { returnId } = await ask(201, "POST", "/v1/orders/{id}/returns", { ...on, body });
    return { ...on, params: { id: order.id, returnId } };
  };
  const reject = { ...(await returned()), body: { reason: "r" } };
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/reject", reject);
  const accepted = await returned();
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/approve", accepted);
  const body = { lines: [{ sku: "A", sellable: 0, damaged: 1 }] };
  const announced = { lines: [{ lineId: 1, quantity: 1, reason: "changed_mind" }] };
  const guest = { headers: cart.guest, params: { id: order.id } };
  const { returnId } = await ask(201, "POST", "/v1/orders/{id}/returns", { ...guest, body: announced });
  const its = { ...guest, params: { id: order.id, returnId } };
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/withdraw", its);
  const uninspected = { lines: [{ sku: "A", quantity: 1 }] };
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/receive", { ...accepted, body: uninspected });
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/inspect", { ...accepted, body });
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/close", accepted);
  await ask(200, "POST", "/v1/orders/{id}/returns/{returnId}/withdraw", await returned());
  const refund = { reason: "r", amount: usd(1) };
  await ask(201, "POST", "/v1/orders/{id}/refunds", { ...on, body: refund });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/orders/{id}", { headers: cart.guest, params: { id: order.id } });
  await ask(200, "GET", "/v1/orders/{id}", on);
  await ask(200, "GET", "/v1/orders/{id}/refundable", on);
}

/** Of what happens to money beside what every order meets. */
async function settledOtherwise(): Promise<void> {
  const lines = [{ lineId: 1, quantity: 1 }];
  const of = (order: Body, name = "id") => ({ ...asStaff, params: { [name]: order.id } });
  const by = (token: string) => bought({ payment: { method: "credit_card", token } });
  const { order: unpaid } = await bought({ payment: { method: "bank_transfer" } });
  const further = { method: "credit_card", token: "tok_ok" };
  await ask(201, "POST", "/v1/orders/{id}/payments", { ...of(unpaid), body: further });

  const { order: slow } = await by("tok_refund_pending");
  const all = { reason: "r" };
  const asked = async () => {
    const on = of((await by("tok_refund_pending")).order);
    const { refundId } = await ask(202, "POST", "/v1/orders/{id}/refunds", { ...on, body: all });
    return { ...asStaff, params: { id: refundId } };
  };
  await ask(202, "POST", "/v1/refunds/{id}/approve", await asked());
  const rejected = await asked();
  await ask(200, "POST", "/v1/refunds/{id}/reject", { ...rejected, body: { reason: "r" } });
  await ask(202, "POST", "/v1/refunds/{id}/retry", { ...rejected, body: {} });
  const fine = of((await bought()).order);
  const { refundId } = await ask(202, "POST", "/v1/orders/{id}/refunds", { ...fine, body: all });
  await ask(200, "POST", "/v1/refunds/{id}/approve", { ...asStaff, params: { id: refundId } });

  const bad = (await by("tok_refund_refused")).order;
  await ask(200, "POST", "/v1/orders/{id}/cancel", { ...of(bad), body: { lines } });
  await shop().caughtUp();
  const { payments } = await ask(200, "GET", "/v1/orders/{id}", of(bad));
  const failed = { ...asStaff, params: { id: payments[0].refunds[0].id } };
  await ask(201, "POST", "/v1/refunds/{id}/retry", { ...failed, body: { manual: true } });

  const [{ id: paymentId }] = slow.payments;
  const disputed = { type: "dispute.opened", disputeId: "d-1", amount: 100 };
  const body = { event: { id: "evt-1", paymentId, ...disputed }, copies: 2 };
  await ask(202, "POST", "/v1/sandbox/events", { ...asStaff, body });
  await expect
    .poll(async () => (await ask(200, "GET", "/v1/orders/{id}", of(slow))).money.disputed)
    .toEqual(usd(100));
}

async function exchanged(): Promise<void> {
  const on = { ...asStaff, params: { id: (await bought()).order.id } };
  await ask(201, "POST", "/v1/orders/{id}/shipments", { ...on, body: {} });
  await ask(201, "POST", "/v1/orders/{id}/deliveries", { ...on, body: {} });
  const exchange = {
    returns: [{ lineId: 1, quantity: 1 }],
    adds: [{ sku: "A", quantity: 1 }],
    advance: true,
  };
  await ask(201, "POST", "/v1/orders/{id}/exchanges", { ...on, body: exchange });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/orders/{id}", on);
}

async function failed({ order, cart }: { order: Body; cart: OpenCart }): Promise<void> {
  const on = { ...asStaff, params: { id: order.id } };
  const first = { lines: [{ lineId: 1, quantity: 1 }] };
  const { shipmentId } = await ask(201, "POST", "/v1/orders/{id}/shipments", { ...on, body: first });
  const its = { ...on, params: { id: order.id, shipmentId } };
  const failure = { outcome: "refused", ...first };
  await ask(201, "POST", "/v1/orders/{id}/shipments/{shipmentId}/failures", { ...its, body: failure });
  const back = { lines: [{ lineId: 1, sellable: 1, damaged: 0 }] };
  await ask(201, "POST", "/v1/orders/{id}/shipments/{shipmentId}/returns", { ...its, body: back });
  await ask(201, "POST", "/v1/orders/{id}/reshipments", { ...on, body: first });
  const more = { add: [{ sku: "A", quantity: 1 }], shippingMethod: "express" };
  await ask(201, "POST", "/v1/orders/{id}/edits", { ...on, body: more });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/orders/{id}", { headers: cart.guest, params: { id: order.id } });
  await ask(200, "GET", "/v1/orders/{id}", on);
}

async function toldToOthers(): Promise<void> {
  // Nothing is sent there: it is an address of this machine.
  const made = { url: "https://localhost:1/", topics: ["order.paid", "stock.low"], description: "d" };
  const { id } = await ask(201, "POST", "/v1/webhook-endpoints", { ...asStaff, body: made });
  const its = { ...asStaff, params: { id } };
  await ask(200, "PATCH", "/v1/webhook-endpoints/{id}", { ...its, body: { enabled: false } });
  await ask(200, "POST", "/v1/webhook-endpoints/{id}/rotate-secret", its);
  await ask(200, "POST", "/v1/webhook-endpoints/{id}/test", its);
  const replay = { from: "2026-01-15T12:00:00Z", topics: ["order.paid"] };
  await ask(202, "POST", "/v1/webhook-endpoints/{id}/replay", { ...its, body: replay });
  await shop().caughtUp();
  await ask(200, "GET", "/v1/webhook-endpoints", asStaff);
  await ask(200, "GET", "/v1/webhook-endpoints/{id}", its);
  await ask(200, "DELETE", "/v1/webhook-endpoints/{id}", its);
}

async function imported(): Promise<void> {
  const file = "handle,name,price,sku,colour\nhanded-in,Handed in,1,HANDED,red\nbad,Bad,none,BAD,\n";
  const handed = { headers: { ...staff, "content-type": "text/csv" }, body: file, query: "?dryRun=true" };
  const { id } = await ask(202, "POST", "/v1/imports/products", handed);
  await shop().runtime.tasks.doDue();
  await shop().caughtUp();
  const its = { ...asStaff, params: { id } };
  const told = await ask(200, "GET", "/v1/imports/{id}", its);
  expect([told.rejects.length, told.leftOut.length, told.planned.length]).toEqual([1, 1, 1]);
  const waiting = await ask(202, "POST", "/v1/imports/products", handed);
  await ask(200, "POST", "/v1/imports/{id}/cancel", { ...asStaff, params: { id: waiting.id } });
  await ask(200, "GET", "/v1/imports", asStaff);
}

describe("what is answered", () => {
  let productId = "";
  let sent: Body;

  test("is what the OpenAPI document says, by commands", { timeout: openTimeoutMs }, async () => {
    productId = await goods();
    const handed = await bought();
    sent = handed.order;
    await handled(handed);
    const again = await bought();
    const mine = { headers: again.cart.guest, params: { id: again.order.id }, body: {} };
    await ask(200, "POST", "/v1/orders/{id}/cancel", mine);
    const theirs = { ...asStaff, params: { id: (await bought()).order.id }, body: { reason: "r" } };
    await ask(200, "POST", "/v1/orders/{id}/cancel", theirs);
    const inPart = { ...asStaff, params: { id: (await bought()).order.id } };
    const lines = [{ lineId: 1, quantity: 1 }];
    await ask(200, "POST", "/v1/orders/{id}/cancel", { ...inPart, body: { lines } });
    const refund = { lines: [{ sku: "A", quantity: 1 }], reason: "r" };
    await ask(201, "POST", "/v1/orders/{id}/refunds", { ...inPart, body: refund });
    await failed(await bought());
    await settledOtherwise();
    await exchanged();
    await toldToOthers();
    await imported();
    await bought({ payment: { method: "credit_card", token: "tok_action" } });
    for (const action of ["capture", "void"] as const) {
      const { order } = await bought({ payment: { method: "bank_transfer" } });
      const [{ id }] = order.payments;
      await ask(200, "POST", `/v1/payments/{id}/${action}`, { ...asStaff, params: { id } });
    }
    const { id, guest } = await shop().cart(["A", 1]);
    await shop().checkOut({ id, guest }, { payment: { method: "credit_card", token: "tok_declined" } });
    await shop().caughtUp();
    for (const headers of [guest, staff])
      await ask(200, "GET", "/v1/carts/{id}", { headers, params: { id } });
    await ask(200, "DELETE", "/v1/carts/{id}", { headers: guest, params: { id } });
    const draft = await ask(201, "POST", "/v1/carts", { ...asStaff, body: { draft: true } });
    await shop().caughtUp();
    for (const headers of [staff, { "cart-token": draft.cartToken }])
      await ask(200, "GET", "/v1/carts/{id}", { headers, params: { id: draft.id } });
  });

  test("is what the OpenAPI document says, by queries", { timeout: openTimeoutMs }, async () => {
    await shop().caughtUp();
    for (const each of [{}, asStaff]) {
      for (const query of ["", "?q=mug&facets=brand,category,tag", "?sort=price&limit=1"])
        await ask(200, "GET", "/v1/products", { ...each, query });
      await ask(200, "GET", "/v1/products/{id}", { ...each, params: { id: productId } });
      await ask(200, "GET", "/v1/stock/{sku}", { ...each, params: { sku: "A" } });
      await ask(200, "GET", "/v1/best-sellers", each);
      for (const path of ["/v1/categories", "/v1/brands"])
        expect((await ask(200, "GET", path, each)).items.length).toBeGreaterThan(0);
    }
    const headers = { "visitor-id": "v" };
    await ask(200, "GET", "/v1/products/{id}", { headers, params: { id: productId } });
    expect((await ask(200, "GET", "/v1/recently-viewed", { headers })).items).toHaveLength(1);
    await ask(200, "GET", "/v1/stock", asStaff);
    await ask(200, "GET", "/v1/stock/{sku}/ledger", { ...asStaff, params: { sku: "A" } });
    await ask(200, "GET", "/v1/orders", asStaff);
    for (const query of ["?actor=staff", `?stream=order-${sent.id}`])
      await ask(200, "GET", "/v1/audit", { ...asStaff, query });
    await ask(200, "GET", "/v1/drafts", asStaff);
    await ask(200, "GET", "/v1/payments/{id}", { ...asStaff, params: { id: sent.payments[0].id } });
    for (const report of ["sales", "refunds", "products", "categories", "funnel"])
      await ask(200, "GET", `/v1/analytics/${report}`, asStaff);
    let query = "?from=start&limit=100";
    const topics = new Set<string>();
    for (let more = true; more; ) {
      const page = await ask(200, "GET", "/v1/events", { ...asStaff, query });
      for (const { type } of page.items) topics.add(type);
      more = page.more;
      query = `?limit=100&cursor=${page.nextCursor}`;
    }
    expect(topics.size).toBeGreaterThan(20);
    await ask(200, "GET", "/health/live");
    await ask(200, "GET", "/health/ready");
  });

  test("is what the OpenAPI document says, to customers of their accounts", {
    timeout: openTimeoutMs,
  }, async () => {
    const { access, refreshToken, email, customerId } = await member(shop());
    await send202("/v1/auth/register", { email: somebody() });
    await send202("/v1/auth/password/forgot", { email });
    const next = somebody();
    await ask(202, "POST", "/v1/me/email", { headers: access, body: { email: next, password } });
    const invited = somebody();
    await send202("/v1/auth/register", { email: invited });
    const body = { token: await linkTo(shop(), invited), password, profile: { firstName: "A" } };
    await ask(201, "POST", "/v1/auth/register/confirm", { body });
    await ask(204, "POST", "/v1/auth/email/confirm", { body: { token: await linkTo(shop(), next) } });
    await ask(200, "POST", "/v1/auth/login", { body: { email: next, password } });
    await ask(200, "POST", "/v1/auth/refresh", { body: { refreshToken } });
    await ask(200, "GET", "/v1/me", { headers: access });
    const changes = { firstName: "A", gender: "other", language: "en", notifications: { email: true } };
    await ask(200, "PATCH", "/v1/me", { headers: access, body: changes });
    const { fullName, ...rest } = checkoutBody.shippingAddress;
    const address = { fullName, ...rest, coordinates: { latitude: 1.5, longitude: 2 } };
    const { id } = await ask(201, "POST", "/v1/me/addresses", { headers: access, body: address });
    await ask(200, "GET", "/v1/me/addresses", { headers: access });
    const at = { headers: access, params: { id } };
    await ask(200, "PUT", "/v1/me/addresses/{id}", { ...at, body: { ...address, label: "work" } });
    await ask(200, "PUT", "/v1/me/addresses/defaults", { headers: access, body: { billing: id } });
    await ask(200, "DELETE", "/v1/me/addresses/{id}", at);
    await ask(201, "POST", "/v1/carts", { headers: access });
    await ask(200, "GET", "/v1/me/cart", { headers: access });
    const { id: cartId, guest } = await shop().cart();
    await ask(200, "POST", "/v1/me/cart/merge", { headers: { ...access, ...guest }, body: { cartId } });
    await ask(200, "GET", "/v1/me/orders", { headers: access });
    await ask(200, "GET", "/v1/me/export", { headers: access });
    await ask(200, "GET", "/v1/customers", asStaff);
    await ask(200, "GET", "/v1/customers/{id}", { ...asStaff, params: { id: customerId } });
    const consent = { granted: true, textVersion: "v1" };
    const to = { headers: access, params: { purpose: "newsletter" } };
    await ask(200, "PUT", "/v1/me/consents/{purpose}", { ...to, body: consent });
    await ask(200, "GET", "/v1/me/consents", { headers: access });
    const { secret } = await ask(200, "POST", "/v1/me/totp", { headers: access });
    const code = new TOTP({ secret }).generate();
    await ask(200, "POST", "/v1/me/totp/confirm", { headers: access, body: { code } });
    await ask(204, "DELETE", "/v1/me/totp", { headers: access });
    const { items } = await ask(200, "GET", "/v1/me/sessions", { headers: access });
    const other = items.find(({ current }: Body) => !current);
    await ask(204, "DELETE", "/v1/me/sessions/{id}", { headers: access, params: { id: other.id } });
    const changed = { current: password, new: "another horse battery" };
    await ask(204, "PUT", "/v1/me/password", { headers: access, body: changed });
    await send202("/v1/auth/password/forgot", { email: next });
    const again = { token: await linkTo(shop(), next), password };
    await ask(204, "POST", "/v1/auth/password/reset", { body: again });
    const back = async () => {
      const { accessToken } = await ask(200, "POST", "/v1/auth/login", { body: { email: next, password } });
      return { headers: bearer(accessToken) };
    };
    await ask(204, "POST", "/v1/auth/logout", { ...(await back()), body: {} });
    await ask(204, "DELETE", "/v1/me", await back());
    const suspend = { ...asStaff, params: { id: customerId }, body: { reason: "r" } };
    await ask(200, "POST", "/v1/customers/{id}/suspend", suspend);
    await ask(200, "POST", "/v1/customers/{id}/reactivate", { ...asStaff, params: { id: customerId } });
  });

  test("is what the OpenAPI document says, of keys", async () => {
    const body = { name: "n", scopes: ["stock"] };
    const { id } = await ask(201, "POST", "/v1/api-keys", { ...asStaff, body });
    const at = { ...asStaff, params: { id } };
    await ask(200, "GET", "/v1/api-keys", asStaff);
    await ask(200, "GET", "/v1/api-keys/{id}", at);
    await ask(200, "POST", "/v1/api-keys/{id}/rotate", { ...at, body: {} });
    await ask(200, "DELETE", "/v1/api-keys/{id}", at);
  });

  test("is described for every route of the shop, and was asked of each above", () => {
    const expected = Object.entries(described().paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses = {} }]) =>
        Object.keys(responses)
          .filter((status) => status.startsWith("2"))
          .map((status) => `${method.toUpperCase()} ${path} ${status}`),
      ),
    );
    // Tables are no JSON, and have tests of their own.
    const shops = expected.filter((what) => !/ \/v1\/(ops|webhooks|exports)\/|\/rejects /.test(what));
    expect(shops.filter((what) => !seen.has(what))).toEqual([]);
  });

  test("describes what webhook endpoints are sent, each topic by its schema", () => {
    const { webhooks, components } = described();
    expect(Object.keys(webhooks)).toEqual(topicNames);
    for (const [name, { post }] of Object.entries(webhooks)) {
      const { $ref } = post.requestBody.content["application/json"].schema;
      const schema = components.schemas[$ref.replace("#/components/schemas/", "")];
      expect(schema.properties.type.const).toBe(name);
    }
  });

  test("has no open objects: a field that is not described is in no answer", () => {
    const open = Object.entries(described().components.schemas).filter(([name, schema]) => {
      const objects = JSON.stringify(schema).match(/"type":"object"(?!,"propertyNames")/g) ?? [];
      const closed = JSON.stringify(schema).match(/"additionalProperties":false/g) ?? [];
      // What a problem is about depends on it; operators are shown events and rebuilds as they are.
      const isOpen = /^(Problem|Stream|Projections)(Input)?$/.test(name);
      return objects.length !== closed.length && !isOpen;
    });
    expect(open.map(([name]) => name)).toEqual([]);
  });

  test("leaves nothing away of what staff may know", async () => {
    const { models } = shop().runtime;
    const [orders, payments] = [await models.model("orders"), await models.model("payments")];
    const reservations = await models.model("reservations");
    const { revision, ...order } = (await getOrder({ orders, payments, reservations }, sent.id)) as OrderView;
    const { body, headers } = await shop().get(`/v1/orders/${sent.id}`, staff);
    expect(body).toEqual(order);
    expect(headers.etag).toMatch(new RegExp(`^"${revision}\\.`));
    const stock = await getStock(await models.model("stock"), "A");
    expect((await shop().get("/v1/stock/A", staff)).body).toEqual(stock);
    const listed = (await shop().get("/v1/products", staff)).body.items;
    const documents = await (await models.model("catalog")).getMany([productId]);
    const groups = { brand: "B", category: "C" };
    expect(listed).toEqual([{ ...groups, ...JSON.parse(documents.get(productId)?.json ?? "") }]);
  });
});
