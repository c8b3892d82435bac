// @ts-check
import { CartwrightError } from "../../../../client/index.js";
import { addressFields, addressOf } from "../address.js";
import { announce, field, h, radio } from "../dom.js";
import { shippingChoices, totalsTable } from "../quote.js";
import { checkOut, guestOf, keptCart, orderedMeanwhile, readCart } from "../shop.js";
import { money, wordsFor } from "../words.js";

/** @import { Operations, Schemas } from "../../../../client/index.js" */
/** @import { Page, Visit } from "../app.js" */

/** @typedef {Operations["POST /v1/carts/{id}/checkout"]["body"]["payment"]} Payment */

/** What the sandbox does by each: a shop has its gateway's own form here, which gives a token. @type {[string, Payment][]} */
const payments = [
  ["Card that pays", { method: "credit_card", token: "tok_ok" }],
  ["Card that is declined", { method: "credit_card", token: "tok_declined" }],
  ["Card whose bank is slow", { method: "credit_card", token: "tok_slow" }],
  ["Card whose bank breaks off, and has paid", { method: "credit_card", token: "tok_error_once" }],
  ["Card whose bank asks its owner first", { method: "credit_card", token: "tok_action" }],
  ["Bank transfer", { method: "bank_transfer" }],
  ["Cash on delivery", { method: "cod" }],
];

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  const cart = await readCart(visit.signal);
  if (cart?.status !== "open" && cart?.orderId !== undefined)
    void visit.go(`/orders/${cart.orderId}`, { replace: true });
  if (cart?.status !== "open" || cart.items.length === 0)
    return {
      title: "Check out",
      content: [h("p", {}, "There is nothing to pay. ", h("a", { href: "/cart" }, "Your cart"))],
    };
  return { title: "Check out", content: [await checkoutForm(cart, visit)] };
}

/** @param {Schemas["GuestCart"]} cart @param {Visit} visit */
async function checkoutForm(cart, visit) {
  const problem = h("div", { id: "problem", role: "alert" });
  const sum = h("section", { class: "sum", "aria-label": "What it comes to" });
  const ways = h("div", {});
  const form = h("form", { class: "with-sum", id: "checkout" }, h("div", {}, ...parts(cart, ways)), sum);
  const quoted = new Quoted(form, { ways, sum, problem }, visit);
  form.addEventListener("change", ({ target }) => {
    const { name = "" } = /** @type {HTMLInputElement} */ (target);
    if (name === "shippingMethod" || name === "shippingAddress.country") void visit.act(() => quoted.ask());
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void visit.act(() => pay(form, quoted, visit));
  });
  await quoted.ask(cart.shippingMethod);
  return form;
}

/** What the customer is asked to agree to, as it is shown. */
class Quoted {
  #form;
  #places;
  #visit;
  #hash = "";

  /**
   * @param {HTMLFormElement} form
   * @param {{ ways: HTMLElement, sum: HTMLElement, problem: HTMLElement }} places
   * @param {Visit} visit
   */
  constructor(form, places, visit) {
    this.#form = form;
    this.#places = places;
    this.#visit = visit;
  }

  get hash() {
    return this.#hash;
  }

  /** @param {Schemas["Quote"]["shippingMethod"]} [method] the one that is chosen, if it is left out */
  async ask(method) {
    const { id, token } = cartOf();
    const data = new FormData(this.#form);
    const chosen = /** @type {Schemas["Quote"]["shippingMethod"]} */ (method ?? data.get("shippingMethod"));
    const { country, state, postalCode } = addressOf(data, "shipping");
    const shippingAddress = { country, ...(state && { state }), ...(postalCode && { postalCode }) };
    const { body } = await guestOf({ token }).post("/v1/carts/{id}/quote", {
      path: { id },
      body: { shippingMethod: chosen, shippingAddress },
      signal: this.#visit.signal,
    });
    this.show(body);
  }

  /** @param {Schemas["Quote"]} quote */
  show(quote) {
    this.#hash = quote.quoteHash;
    const { ways, sum, problem } = this.#places;
    const focused = document.activeElement?.id;
    ways.replaceChildren(shippingChoices(quote, () => {}));
    sum.replaceChildren(
      h("h2", {}, "Your order"),
      h("ul", { class: "brief" }, ...quote.lines.map(lineOf)),
      ...quote.changes.map((change) => changeNote(quote, change)),
      totalsTable(quote.totals),
      problem,
      h("button", { class: "main", id: "pay" }, `Pay ${money(quote.totals.total)}`),
    );
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  /** @param {import("../dom.js").Child[]} said */
  say(...said) {
    this.#places.problem.replaceChildren(...(said.length > 0 ? [h("p", { class: "note" }, ...said)] : []));
  }
}

/** @param {Schemas["Quote"]["lines"][number]} line */
function lineOf({ quantity, name, subtotal }) {
  return h("li", {}, h("span", {}, `${quantity} × ${name}`), h("span", {}, money(subtotal)));
}

/** @param {Schemas["Quote"]} quote @param {Schemas["Quote"]["changes"][number]} change */
function changeNote({ lines }, { lineId, was, now }) {
  const name = lines.find((line) => line.lineId === lineId)?.name ?? "";
  return h("p", { class: "note" }, `${name} was ${money(was)}, and is ${money(now)} now.`);
}

function cartOf() {
  const cart = keptCart();
  if (!cart) throw new Error("there is no cart");
  return cart;
}

/** @param {Schemas["GuestCart"]} cart @param {HTMLElement} ways */
function parts({ email, shippingAddress, billingAddress }, ways) {
  const other = h("input", { type: "checkbox", id: "other", checked: billingAddress !== undefined });
  const billing = h("fieldset", {}, h("legend", {}, "Bill"), ...addressFields("billing", billingAddress));
  const fit = () => {
    billing.hidden = !other.checked;
    billing.disabled = !other.checked;
  };
  other.addEventListener("change", fit);
  fit();
  // Not `type=email`: browsers refuse addresses with letters beyond ASCII.
  const mail = { inputmode: "email", autocomplete: "email", autocapitalize: "off", spellcheck: "false" };
  const input = h("input", {
    id: "email",
    name: "email",
    value: email ?? "",
    required: true,
    maxlength: 254,
    ...mail,
  });
  return [
    h("fieldset", {}, h("legend", {}, "Who you are"), field("E-mail", input)),
    h("fieldset", {}, h("legend", {}, "Where it goes"), ...addressFields("shipping", shippingAddress)),
    h("label", { class: "choice" }, other, h("span", {}, "The bill goes to another address")),
    billing,
    ways,
    h("fieldset", {}, h("legend", {}, "Payment"), ...payments.map(paymentChoice)),
  ];
}

/** @param {[string, Payment]} payment @param {number} index */
function paymentChoice([label], index) {
  return radio("payment", { value: String(index), label, checked: index === 0 });
}

/** @param {HTMLFormElement} form @param {Quoted} quoted @param {Visit} visit */
async function pay(form, quoted, { go }) {
  const data = new FormData(form);
  const cart = cartOf();
  quoted.say();
  announce("Paying…");
  try {
    const orderId = await paid(cart, data, quoted.hash);
    await go(`/orders/${orderId}`, { replace: true });
  } catch (error) {
    announce();
    refused(form, quoted, error);
  }
}

/**
 * The details are kept with the cart first: who has to try again need not type them again.
 * @param {NonNullable<ReturnType<typeof keptCart>>} cart
 * @param {FormData} data
 * @param {string} quoteHash
 * @returns the order's id
 */
async function paid(cart, data, quoteHash) {
  const details = {
    email: String(data.get("email")).trim(),
    shippingAddress: addressOf(data, "shipping"),
    billingAddress: data.has("billingAddress.country") ? addressOf(data, "billing") : null,
    shippingMethod: /** @type {Schemas["Quote"]["shippingMethod"]} */ (data.get("shippingMethod")),
  };
  const payment = /** @type {[string, Payment]} */ (payments[Number(data.get("payment"))])[1];
  try {
    await guestOf(cart).patch("/v1/carts/{id}", { path: { id: cart.id }, body: details });
  } catch (error) {
    return orderedMeanwhile(error);
  }
  return await checkOut(cart, { payment, quoteHash });
}

/** @param {HTMLFormElement} form @param {Quoted} quoted @param {unknown} error */
function refused(form, quoted, error) {
  const problem = error instanceof CartwrightError ? error.problem : undefined;
  if (problem?.quote) quoted.show(problem.quote);
  if (problem?.code === "out_of_stock" || problem?.code === "not_for_sale")
    quoted.say(wordsFor(error), " ", h("a", { href: "/cart" }, "Change your cart"));
  else quoted.say(wordsFor(error));
  for (const marked of form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
  const wrong = (problem?.errors ?? []).map(({ path }) => form.elements.namedItem(path));
  const inputs = wrong.filter((each) => each instanceof HTMLElement);
  for (const input of inputs) input.setAttribute("aria-invalid", "true");
  (inputs[0] ?? document.getElementById("pay"))?.focus();
}
