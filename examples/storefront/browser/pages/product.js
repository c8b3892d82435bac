// @ts-check
import { announce, field, h, picture, radio } from "../dom.js";
import { addToCart, shop } from "../shop.js";
import { availability, money } from "../words.js";

/** @import { Schemas } from "../../../../client/index.js" */
/** @import { Page, Visit } from "../app.js" */

const quantityMax = 100;

/** @typedef {Schemas["GuestProduct"]["variants"][number]} Variant */

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  const { params, signal } = visit;
  const { body } = await shop.get("/v1/products/{id}", { path: { id: String(params[0]) }, signal });
  const product = /** @type {Schemas["GuestProduct"]} */ (body);
  const { name, brand, description, shortDescription, images } = product;
  const pictures = images.length > 0 ? images.map((image) => picture(image, name)) : [picture(undefined, "")];
  return {
    title: name,
    content: [
      h(
        "div",
        { class: "halves" },
        h("div", { class: "pictures" }, ...pictures),
        h(
          "div",
          {},
          brand &&
            h("p", { class: "quiet" }, "by ", h("a", { href: `/?${new URLSearchParams({ brand })}` }, brand)),
          h("p", {}, description ?? shortDescription),
          buying(product, visit),
        ),
      ),
    ],
  };
}

/** @param {Variant} variant */
function canBeBought({ stockStatus, backorders }) {
  return stockStatus !== "out_of_stock" || backorders;
}

/** @param {Schemas["GuestProduct"]} product @param {Visit} visit */
function buying({ name, variants }, { act }) {
  const first = variants.find(canBeBought);
  const quantity = h("input", {
    ...{ id: "quantity", name: "quantity", type: "number", inputmode: "numeric" },
    ...{ min: 1, max: quantityMax, value: 1, required: true },
  });
  const form = h(
    "form",
    {},
    variants.length > 1
      ? h(
          "fieldset",
          {},
          h("legend", {}, "Choose one"),
          ...variants.map((each) => variant(each, each === first)),
        )
      : variants.map(priceOf),
    first && field("Quantity", quantity),
    first && h("button", { class: "main" }, "Add to cart"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = new FormData(form).get("sku") ?? first?.sku;
    void act(async () => {
      await addToCart(String(chosen), quantity.valueAsNumber);
      announce(`${name} is in your cart. `, h("a", { href: "/cart" }, "See the cart"));
    });
  });
  return form;
}

/** @param {Variant} variant @param {boolean} checked */
function variant(variant, checked) {
  const { sku, name, attributes } = variant;
  const called = name ?? (Object.values(attributes).join(", ") || sku);
  const label = [h("b", {}, called), ", ", ...priceLine(variant)];
  return radio("sku", { value: sku, label, checked, disabled: !canBeBought(variant) });
}

/** @param {Variant} variant */
function priceOf(variant) {
  return h("p", { class: "price" }, ...priceLine(variant));
}

/** @param {Variant} variant */
function priceLine(variant) {
  const { price, compareAtPrice, stockStatus } = variant;
  const before = compareAtPrice && [
    " ",
    h("span", { class: "unseen" }, "before "),
    h("s", {}, money(compareAtPrice)),
  ];
  const left = h("span", { class: stockStatus }, availability(variant));
  return [h("b", {}, money(price)), ...(before ?? []), ", ", left];
}
