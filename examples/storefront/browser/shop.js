// @ts-check
import { CartwrightError, createClient } from "../../../client/index.js";
import { isLoggedIn, keep, kept, member } from "./session.js";

/** Over some seconds: as long as a restart of the API takes. */
const retries = 6;
const ordersKeptMax = 50;

export const shop = createClient({
  url: document.querySelector('meta[name="api"]')?.getAttribute("content") ?? "",
  retries,
});

/**
 * @typedef {{ id: string, token: string, count: number }} KeptCart
 * @typedef {{ id: string, number?: string | undefined, token: string, at: string }} KeptOrder
 */

/** @returns {KeptCart | undefined} */
export function keptCart() {
  return kept("cart");
}

/** Shows how many pieces are in the cart. */
export function showCount() {
  const count = keptCart()?.count ?? 0;
  document.querySelector("#count")?.replaceChildren(count > 0 ? `(${count})` : "");
}

/** @param {KeptCart | undefined} cart */
function keepCart(cart) {
  keep("cart", cart);
  showCount();
}

/**
 * Goes on with a cart that a failed checkout has left.
 * @param {KeptCart} cart
 */
export function takeUp(cart) {
  keepCart(cart);
}

/** @returns {KeptOrder[]} newest first */
export function keptOrders() {
  return kept("orders") ?? [];
}

/** A cart that can take nothing any more. */
const gone = new Set([
  "not_found",
  "forbidden",
  "unauthorized",
  "cart_closed",
  "cart_converted",
  "cart_locked",
]);

/** @param {string} sku @param {number} quantity */
export async function addToCart(sku, quantity) {
  try {
    await addTo(keptCart() ?? (await openCart()), sku, quantity);
  } catch (error) {
    if (!(error instanceof CartwrightError && gone.has(error.code)) || !(await isGone())) throw error;
    await addTo(await openCart(), sku, quantity);
  }
}

/** Whether it is the cart that is gone, and not what was to go into it. */
async function isGone() {
  const cart = keptCart();
  if (!cart) return false;
  return (await readCart())?.status !== "open";
}

async function openCart() {
  const { body } = await (isLoggedIn() ? member : shop).post("/v1/carts");
  const cart = { id: body.id, token: body.cartToken ?? "", count: 0 };
  keepCart(cart);
  return cart;
}

/** @param {KeptCart} cart @param {string} sku @param {number} quantity */
async function addTo(cart, sku, quantity) {
  const { body } = await guestOf(cart).post("/v1/carts/{id}/items", {
    path: { id: cart.id },
    body: { sku, quantity },
  });
  keepCart({ ...cart, count: body.itemCount });
}

/**
 * Who may see a cart or an order: the guest with its token, or whoever is logged in.
 * @param {{ token: string }} of
 */
export function guestOf({ token }) {
  return token === "" && isLoggedIn() ? member : shop.with({ cartToken: token });
}

/** Who has just logged in brings the cart of the guest along, or goes on with the one of last time. */
export async function bringCart() {
  const cart = keptCart();
  const own = (cart && cart.token !== "" && (await mergedCart(cart))) || (await ownCart());
  keepCart(own && { id: own.id, token: "", count: own.itemCount });
}

/** @param {KeptCart} cart */
async function mergedCart({ id, token }) {
  try {
    return (await member.with({ cartToken: token }).post("/v1/me/cart/merge", { body: { cartId: id } })).body
      .cart;
  } catch (error) {
    if (error instanceof CartwrightError && gone.has(error.code)) return undefined;
    throw error;
  }
}

async function ownCart() {
  try {
    return (await member.get("/v1/me/cart")).body;
  } catch (error) {
    if (error instanceof CartwrightError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Who has logged out leaves no cart behind. */
export function leaveCart() {
  keepCart(undefined);
}

/**
 * The cart as it is now. One that has become an order is kept as that, and one that has run out is forgotten.
 * @param {AbortSignal} [signal]
 */
export async function readCart(signal) {
  const cart = keptCart();
  if (!cart) return undefined;
  try {
    const { body } = await guestOf(cart).get("/v1/carts/{id}", {
      path: { id: cart.id },
      ...(signal && { signal }),
    });
    if (body.status === "converted" && body.orderId !== undefined) ordered(body.orderId);
    else if (body.status === "abandoned" || body.status === "expired") keepCart(undefined);
    else keepCart({ ...cart, count: body.itemCount });
    return body;
  } catch (error) {
    if (!(error instanceof CartwrightError && gone.has(error.code))) throw error;
    keepCart(undefined);
    return undefined;
  }
}

/**
 * The kept cart has become this order.
 * @param {string} id
 * @param {string} [number]
 */
export function ordered(id, number) {
  const cart = keptCart();
  if (!cart) return;
  const order = { id, number, token: cart.token, at: new Date().toISOString() };
  keep("orders", [order, ...keptOrders().filter((each) => each.id !== id)].slice(0, ordersKeptMax));
  keepCart(undefined);
}

/**
 * Checks the kept cart out. It becomes one order, however often it is sent: so nobody pays twice, also who has loaded the
 * page anew before there was an answer.
 * @param {KeptCart} cart
 * @param {import("../../../client/index.js").Operations["POST /v1/carts/{id}/checkout"]["body"]} body
 * @returns the order's id
 */
export async function checkOut(cart, body) {
  try {
    const answer = await guestOf(cart).post("/v1/carts/{id}/checkout", { path: { id: cart.id }, body });
    ordered(answer.body.id, answer.body.number);
    return answer.body.id;
  } catch (error) {
    return orderedMeanwhile(error);
  }
}

/**
 * A cart that was checked out meanwhile, by another tab or a try whose answer was lost.
 * @param {unknown} error
 * @returns the order's id
 * @throws the error, if it says anything else
 */
export function orderedMeanwhile(error) {
  if (!(error instanceof CartwrightError)) throw error;
  const { code, problem } = error;
  if ((code !== "cart_converted" && code !== "cart_locked") || problem.orderId === undefined) throw error;
  // One that is still being checked out may come to nothing, and then it goes on.
  if (code === "cart_converted") ordered(problem.orderId);
  return problem.orderId;
}
