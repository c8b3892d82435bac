// @ts-check
import { h, radio } from "./dom.js";
import { money, shipping } from "./words.js";

/** @import { Schemas } from "../../../client/index.js" */

/**
 * How it can be sent, and what that costs.
 * @param {Schemas["Quote"]} quote
 * @param {(method: Schemas["Quote"]["shippingMethod"]) => void} onchange
 */
export function shippingChoices({ shippingOptions, shippingMethod }, onchange) {
  const choices = shippingOptions.map(({ method, price }) => {
    const label = `${shipping[method]}, ${price.amount === 0 ? "free" : money(price)}`;
    const choice = { value: method, label, checked: method === shippingMethod };
    return radio("shippingMethod", choice, () => onchange(method));
  });
  return h("fieldset", { id: "shipping" }, h("legend", {}, "Shipping"), ...choices);
}

/** @param {Schemas["Totals"]} totals */
export function totalsTable({ subtotal, discount, shipping, tax, total }) {
  return h(
    "dl",
    { class: "totals" },
    ...row("Goods", subtotal),
    ...(discount.amount === 0 ? [] : row("Discount", { ...discount, amount: -discount.amount })),
    ...row("Shipping", shipping),
    ...(tax.amount === 0 ? [] : row("Tax", tax)),
    ...row("Total", total),
  );
}

/** @param {string} name @param {Schemas["Money"]} amount */
export function row(name, amount) {
  return [h("dt", {}, name), h("dd", {}, money(amount))];
}
