// @ts-check
import { countryName } from "../countries.js";
import { announce, field, h } from "../dom.js";
import { row, totalsTable } from "../quote.js";
import { guestOf, keptCart, keptOrders, readCart, takeUp } from "../shop.js";
import * as words from "../words.js";

/** @import { Operations, Schemas } from "../../../../client/index.js" */
/** @import { Page, Visit } from "../app.js" */

/** @typedef {Schemas["GuestOrderDetail"]} Order */
/** @typedef {Operations["POST /v1/orders/{id}/returns"]["body"]} Returned */

/** How often it is looked whether a payment has come. */
const pollMs = 2_000;
const pollsMax = 300;
const commentMax = 500;

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  const { params, signal } = visit;
  const id = String(params[0]);
  if (keptCart()) await readCart(signal);
  const token = (keptOrders().find((order) => order.id === id) ?? keptCart())?.token ?? "";
  const guest = guestOf({ token });
  const { body, etag } = await guest.get("/v1/orders/{id}", { path: { id }, signal });
  const order = /** @type {Order} */ (body);
  if (isWaiting(order)) void poll(guest, id, etag, visit);
  return {
    title: `Order ${order.number}`,
    content: [
      h(
        "p",
        {},
        h("b", { id: "order-status" }, words.orderStatuses[order.status]),
        `, ${words.paymentStatuses[order.paymentStatus]}.`,
      ),
      waitingNote(order),
      againNote(order, token, visit),
      h("h2", {}, "What you ordered"),
      h("ul", { class: "lines" }, ...order.lines.map(line)),
      h("div", { class: "halves" }, moneyOf(order), timeline(order)),
      ...parcels(order),
      ...returns(order, guest, visit),
      returnForm(order, guest, visit),
      addressOf(order),
    ],
  };
}

/** @param {Order} order */
function isWaiting({ payments }) {
  return payments.some(({ status }) => status === "initiated" || status === "action_required");
}

/** @param {Order} order */
function waitingNote({ payments, status, money, paymentMethod }) {
  const asking = payments.find((payment) => payment.status === "action_required");
  if (asking)
    return h(
      "div",
      { class: "note" },
      h("p", {}, "Your bank asks you to confirm the payment. This page tells as soon as it is done."),
      asking.actionUrl !== undefined &&
        h("p", {}, h("a", { href: asking.actionUrl, rel: "external" }, "Confirm it with your bank")),
    );
  const isOpen = status !== "cancelled" && money.balance.amount > 0;
  if (isOpen && paymentMethod === "bank_transfer")
    return h(
      "p",
      { class: "note" },
      `Please transfer ${words.money(money.balance)}, with the number of the order.`,
    );
  return null;
}

/**
 * An order whose payment failed has left its cart as it was.
 * @param {Order} order
 * @param {string} token
 * @param {Visit} visit
 */
function againNote({ status, paymentStatus, cartId, itemCount }, token, { go }) {
  if (status !== "cancelled" || paymentStatus !== "failed" || keptCart()) return null;
  const takeUpAgain = () => {
    takeUp({ id: cartId, token, count: itemCount });
    void go("/cart");
  };
  return h(
    "p",
    { class: "note" },
    "Nothing was charged. ",
    h("button", { onclick: takeUpAgain }, "Try again"),
  );
}

/**
 * Shows the order anew once it has changed.
 * @param {ReturnType<typeof guestOf>} guest
 * @param {string} id
 * @param {string | undefined} etag
 * @param {Visit} visit
 */
async function poll(guest, id, etag, { signal, refresh }) {
  for (let polls = 0; polls < pollsMax && !signal.aborted; polls++) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    if (signal.aborted) return;
    const given = { path: { id }, signal, ...(etag !== undefined && { ifNoneMatch: etag }) };
    const answer = await guest.get("/v1/orders/{id}", given).catch(() => undefined);
    if (answer && !answer.notModified) return refresh();
  }
}

/** @param {Order["lines"][number]} line */
function line({ name, quantity, subtotal, quantities }) {
  const { cancelled, toShip, inTransit, kept, announced, returned, failed, backordered = 0 } = quantities;
  const where = [
    [toShip - backordered, "to be sent"],
    [backordered, "on order for you"],
    [inTransit, "on the way"],
    [failed, "could not be delivered"],
    [kept, "with you"],
    [announced, "to come back"],
    [returned, "came back"],
    [cancelled, "cancelled"],
  ];
  const told = where.flatMap(([count, place]) => (Number(count) > 0 ? [`${count} ${place}`] : []));
  return h(
    "li",
    {},
    h("div", {}, `${quantity} × ${name}`, h("p", { class: "quiet" }, told.join(", "))),
    h("b", {}, words.money(subtotal)),
  );
}

/** @param {Order} order */
function moneyOf({ totals, money }) {
  const { captured, refunded, balance } = money;
  const owed = { ...balance, amount: -balance.amount };
  return h(
    "section",
    {},
    h("h2", {}, "Money"),
    totalsTable(totals),
    h(
      "dl",
      { class: "totals" },
      ...row("Paid", captured),
      ...(refunded.amount > 0 ? row("Given back", refunded) : []),
      ...(balance.amount > 0 ? row("Still to be paid", balance) : []),
      ...(balance.amount < 0 ? row("Still to be given back", owed) : []),
    ),
  );
}

/** @param {Order} order */
function timeline({ timeline }) {
  const entries = timeline.map(({ at, text }) =>
    h("li", {}, h("time", { datetime: at, class: "quiet" }, words.date(at)), h("span", {}, text)),
  );
  return h("section", {}, h("h2", {}, "What happened"), h("ol", { class: "timeline" }, ...entries));
}

/** @param {Order} order */
function parcels({ shipments, lines }) {
  const known = shipments.filter(({ carrier, trackingNumber }) => carrier || trackingNumber);
  if (known.length === 0) return [];
  const items = known.map(({ carrier, trackingNumber, lines: pieces }) => {
    const of = pieces.map(({ sku, quantity }) => `${quantity} × ${nameOf(lines, sku)}`).join(", ");
    return h("li", {}, h("span", {}, of), h("span", {}, [carrier, trackingNumber].filter(Boolean).join(" ")));
  });
  return [h("h2", {}, "Parcels"), h("ul", { class: "brief" }, ...items)];
}

/** @param {Order["lines"]} lines @param {string} sku */
function nameOf(lines, sku) {
  return lines.find((line) => line.sku === sku)?.name ?? sku;
}

/** @param {Order} order @param {ReturnType<typeof guestOf>} guest @param {Visit} visit */
function returns({ id, returns, lines }, guest, { act, refresh }) {
  if (returns.length === 0) return [];
  const items = returns.map(({ id: returnId, status, lines: pieces }) => {
    const withdraw = async () => {
      await guest.post("/v1/orders/{id}/returns/{returnId}/withdraw", { path: { id, returnId } });
      await refresh();
      announce("The return is withdrawn.");
    };
    const isOpen = status === "requested" || status === "approved";
    const of = pieces.map(({ sku, quantity }) => `${quantity} × ${nameOf(lines, sku)}`).join(", ");
    return h(
      "li",
      {},
      h("div", {}, of, h("p", { class: "quiet" }, words.returnStatuses[status])),
      isOpen &&
        h(
          "button",
          { class: "small", id: `withdraw-${returnId}`, onclick: () => void act(withdraw) },
          "Withdraw",
        ),
    );
  });
  return [h("h2", {}, "Returns"), h("ul", { class: "lines" }, ...items)];
}

/** @param {Order} order @param {ReturnType<typeof guestOf>} guest @param {Visit} visit */
function returnForm({ id, lines }, guest, { act, refresh }) {
  const kept = lines.filter(({ quantities }) => quantities.kept > 0);
  if (kept.length === 0) return null;
  const comment = h("textarea", { id: "comment", name: "comment", rows: 2, maxlength: commentMax });
  const form = h(
    "form",
    { id: "return" },
    h("h2", {}, "Send something back"),
    ...kept.map(returnLine),
    field("Anything we should know (optional)", comment),
    h("button", { id: "ask" }, "Ask for the return"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = returnedOf(form, kept);
    if (body.lines.length === 0) return announce("Please say how many pieces come back.");
    void act(async () => {
      await guest.post("/v1/orders/{id}/returns", { path: { id }, body });
      await refresh();
      announce("The return is asked for.");
    });
  });
  return form;
}

/** @param {Order["lines"][number]} line */
function returnLine({ lineId, name, quantities }) {
  const count = {
    type: "number",
    inputmode: "numeric",
    min: 0,
    max: quantities.kept,
    value: 0,
    required: true,
  };
  const reasons = Object.entries(words.returnReasons).map(([value, text]) => h("option", { value }, text));
  return h(
    "fieldset",
    { class: "prices" },
    h("legend", {}, name),
    field(
      `Pieces (of ${quantities.kept})`,
      h("input", { id: `pieces-${lineId}`, name: `pieces-${lineId}`, ...count }),
    ),
    field("Why", h("select", { id: `why-${lineId}`, name: `why-${lineId}` }, ...reasons)),
  );
}

/**
 * @param {HTMLFormElement} form
 * @param {Order["lines"]} lines
 * @returns {Returned}
 */
function returnedOf(form, lines) {
  const data = new FormData(form);
  const reason = String(data.get("comment") ?? "").trim();
  const chosen = lines.map(({ lineId }) => ({
    lineId,
    quantity: Number(data.get(`pieces-${lineId}`)),
    reason: /** @type {keyof typeof words.returnReasons} */ (data.get(`why-${lineId}`)),
  }));
  return { lines: chosen.filter(({ quantity }) => quantity > 0), ...(reason !== "" && { reason }) };
}

/** @param {Order} order */
function addressOf({ shippingAddress, shippingMethod, email }) {
  if (!shippingAddress) return null;
  const { fullName, addressLine1, addressLine2, postalCode, city, state, country } = shippingAddress;
  const place = [postalCode, city, state].filter(Boolean).join(" ");
  const lines = [fullName, addressLine1, addressLine2, place, countryName(country), email].filter(Boolean);
  const how = words.shipping[/** @type {keyof typeof words.shipping} */ (shippingMethod)];
  return h(
    "section",
    {},
    h("h2", {}, "Where it goes"),
    h("address", {}, ...lines.flatMap((text) => [String(text), h("br")])),
    h("p", { class: "quiet" }, `${how} shipping`),
  );
}
