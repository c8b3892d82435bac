// @ts-check
import { h } from "../dom.js";
import { shippingChoices, totalsTable } from "../quote.js";
import { guestOf, keptCart, readCart } from "../shop.js";
import { money } from "../words.js";

/** @import { Schemas } from "../../../../client/index.js" */
/** @import { Page, Visit } from "../app.js" */

const quantityMax = 10_000;

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  const cart = await readCart(visit.signal);
  const content = cart ? await contentOf(cart, visit) : emptyCart();
  return { title: "Your cart", content };
}

function emptyCart() {
  return [h("p", {}, "It is empty. ", h("a", { href: "/" }, "See what there is"))];
}

/** @param {Schemas["GuestCart"]} cart @param {Visit} visit */
async function contentOf(cart, visit) {
  const { status, orderId, items } = cart;
  if (orderId !== undefined && status !== "open")
    return [
      h("p", {}, status === "converted" ? "It has become an order. " : "It is being checked out. "),
      h("p", {}, h("a", { href: `/orders/${orderId}` }, "See the order")),
    ];
  if (items.length === 0) return emptyCart();
  const hasUnsold = items.some(({ notForSale }) => notForSale);
  const lines = h("ul", { class: "lines" }, ...items.map((item) => line(item, visit)));
  if (hasUnsold)
    return [
      lines,
      h("p", { class: "note" }, "What is not for sale any more has to be taken out before you pay."),
    ];
  return [h("div", { class: "with-sum" }, lines, await summary(cart, visit))];
}

/** @param {Schemas["GuestCart"]} cart @param {Visit} visit */
async function summary({ id }, { signal, act, refresh }) {
  const guest = guestOf({ token: keptCart()?.token ?? "" });
  const { body: quote } = await guest.post("/v1/carts/{id}/quote", { path: { id }, body: {}, signal });
  const choose = (/** @type {typeof quote.shippingMethod} */ shippingMethod) =>
    act(async () => {
      await guest.patch("/v1/carts/{id}", { path: { id }, body: { shippingMethod } });
      await refresh();
    });
  return h(
    "section",
    { class: "sum", "aria-label": "What it comes to" },
    shippingChoices(quote, (method) => void choose(method)),
    totalsTable(quote.totals),
    h("a", { href: "/checkout", class: "main" }, "Check out"),
  );
}

/** @param {Schemas["GuestCart"]["items"][number]} item @param {Visit} visit */
function line({ lineId, productId, name, quantity, unitPrice, lineTotal, priceChanged, notForSale }, visit) {
  const { act, refresh } = visit;
  const { id = "", token = "" } = keptCart() ?? {};
  const guest = guestOf({ token });
  const path = { id, line: lineId };
  const input = h("input", {
    ...{
      id: `quantity-${lineId}`,
      type: "number",
      inputmode: "numeric",
      "aria-label": `Quantity of ${name}`,
    },
    ...{ min: 1, max: quantityMax, value: quantity, required: true },
  });
  input.addEventListener("change", () => {
    if (!input.reportValidity()) return;
    const change = { path, body: { quantity: input.valueAsNumber } };
    void act(() => guest.patch("/v1/carts/{id}/items/{line}", change).finally(refresh));
  });
  const remove = () => void act(() => guest.delete("/v1/carts/{id}/items/{line}", { path }).finally(refresh));
  return h(
    "li",
    {},
    h(
      "div",
      {},
      h("a", { href: `/products/${productId}` }, name),
      h("p", { class: "quiet" }, `${money(unitPrice)} each`),
      notForSale && h("p", { class: "note" }, "Not for sale any more."),
      priceChanged &&
        h(
          "p",
          { class: "note" },
          `The price was ${money(priceChanged.was)}, and is ${money(priceChanged.now)} now.`,
        ),
    ),
    !notForSale && input,
    h("b", {}, money(lineTotal)),
    h(
      "button",
      { id: `remove-${lineId}`, class: "small", "aria-label": `Remove ${name}`, onclick: remove },
      "Remove",
    ),
  );
}
