// @ts-check
import { h } from "../dom.js";
import { keptOrders } from "../shop.js";
import { date } from "../words.js";

/** @import { Page } from "../app.js" */

/** @returns {Promise<Page>} */
export async function show() {
  const orders = keptOrders();
  const items = orders.map(({ id, number, at }) =>
    h(
      "li",
      {},
      h("a", { href: `/orders/${id}` }, number ?? "An order"),
      h("span", { class: "quiet" }, date(at)),
    ),
  );
  return {
    title: "Your orders",
    content: [
      orders.length > 0
        ? h("ul", { class: "brief" }, ...items)
        : h("p", {}, "Nothing was ordered in this browser yet. ", h("a", { href: "/" }, "See what there is")),
    ],
  };
}
