// @ts-check
import { announce, field, h, picture } from "../dom.js";
import { shop } from "../shop.js";
import { amountOf, availability, counted, money } from "../words.js";

/** @import { Schemas, Operations } from "../../../../client/index.js" */
/** @import { Page, Visit } from "../app.js" */

/** @typedef {NonNullable<Operations["GET /v1/products"]["query"]>} Query */

const pageSize = 24;
/** Values of a facet that are offered before those that hardly anything has. */
const facetValuesShown = 12;
const facets = /** @type {const} */ (["category", "brand", "tag"]);
const facetNames = { category: "Category", brand: "Brand", tag: "Tag" };
const sorts = {
  "": "Best match",
  price: "Cheapest first",
  "-price": "Dearest first",
  newest: "Newest first",
  "best-selling": "Sold most",
};

/** Filters stay open while they are used. */
let filtersOpen = matchMedia("(min-width: 48rem)").matches;

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  const { query, signal } = visit;
  const asked = askedBy(query);
  const { body } = await shop.get("/v1/products", { query: asked, signal });
  rememberCurrency(body.items);
  const q = query.get("q") ?? "";
  const items = h("ul", { class: "grid" }, ...body.items.map(item));
  const total = `${body.totalIsMore ? "More than " : ""}${counted(body.total, "product")}`;
  return {
    title: q === "" ? "Everything" : `“${q}”`,
    said: total,
    content: [
      body.corrected !== undefined && correction(q, body.corrected),
      h(
        "div",
        { class: "with-side" },
        filters(visit, body.facets ?? {}),
        h(
          "section",
          { "aria-label": "Products" },
          h("p", {}, total),
          body.total === 0 && h("p", {}, "Nothing is like that. ", h("a", { href: "/" }, "See everything")),
          items,
          body.nextCursor !== null && moreButton(items, asked, body.nextCursor, visit),
        ),
      ),
    ],
  };
}

/** @param {string} q @param {string} corrected */
function correction(q, corrected) {
  return h(
    "p",
    { class: "note" },
    `Nothing is called “${q}”. This is what there is for `,
    h("b", {}, corrected),
    ".",
  );
}

/**
 * The address of the page, as the API is asked it.
 * @param {URLSearchParams} query
 * @returns {Query}
 */
function askedBy(query) {
  const currency = localStorage.getItem("currency") ?? "USD";
  const several = (/** @type {string} */ name) => {
    const values = query.getAll(name).filter((value) => value !== "");
    return values.length > 0 ? values : undefined;
  };
  const sort = /** @type {Query["sort"]} */ (query.get("sort") || undefined);
  return {
    q: query.get("q") || undefined,
    category: several("category"),
    brand: several("brand"),
    tag: several("tag"),
    minPrice: amountOf(query.get("min") ?? "", currency),
    maxPrice: amountOf(query.get("max") ?? "", currency),
    inStock: query.has("inStock") || undefined,
    sort,
    facets: facets.join(","),
    limit: pageSize,
  };
}

/**
 * What prices are typed in, also where nothing is found.
 * @param {Schemas["GuestProductListItem"][]} items
 */
function rememberCurrency(items) {
  const currency = items.find(({ price }) => price)?.price?.currency;
  if (currency !== undefined) localStorage.setItem("currency", currency);
}

/** @param {Schemas["GuestProductListItem"]} product */
function item(product) {
  const { slug, name, price, priceRange, compareAtPrice, image } = product;
  const isRange = priceRange && priceRange.min.amount !== priceRange.max.amount;
  const shown = isRange ? `from ${money(priceRange.min)}` : price && money(price);
  return h(
    "li",
    {},
    h(
      "a",
      { href: `/products/${encodeURIComponent(slug)}`, class: "card" },
      // The name stands beside it.
      picture(image, ""),
      h("h2", {}, name),
      h(
        "p",
        {},
        h("b", {}, shown),
        compareAtPrice &&
          h("span", {}, " ", h("span", { class: "unseen" }, "before "), h("s", {}, money(compareAtPrice))),
      ),
      h("p", { class: product.stockStatus }, availability(product)),
    ),
  );
}

/**
 * @param {HTMLElement} items
 * @param {Query} asked
 * @param {string} cursor
 * @param {Visit} visit
 */
function moreButton(items, asked, cursor, { act, signal }) {
  let next = cursor;
  const more = async () => {
    const { body } = await shop.get("/v1/products", { query: { ...asked, cursor: next }, signal });
    const added = body.items.map(item);
    items.append(...added);
    added[0]?.querySelector("a")?.focus();
    announce(`${counted(added.length, "more product")}.`);
    if (body.nextCursor === null) button.remove();
    else next = body.nextCursor;
  };
  const button = h("button", { onclick: () => void act(more) }, "Show more");
  return button;
}

/**
 * @param {Visit} visit
 * @param {NonNullable<Schemas["GuestProductList"]["facets"]>} found
 */
function filters({ query, go }, found) {
  const form = h(
    "form",
    { id: "filters" },
    select(query.get("sort") ?? ""),
    h(
      "label",
      { class: "choice" },
      check("inStock", "true", query.has("inStock")),
      h("span", {}, "In stock only"),
    ),
    h(
      "fieldset",
      { class: "prices" },
      h("legend", {}, "Price"),
      field("From", price("min", query)),
      field("To", price("max", query)),
    ),
    ...facets.map((name) => facet(name, found[name] ?? [], query.getAll(name))),
    h("button", { id: "apply" }, "Apply"),
  );
  const apply = () => void go(addressOf(form, query.get("q") ?? ""));
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  const details = h(
    "details",
    { class: "filters", open: filtersOpen },
    h("summary", {}, "Filter and sort"),
    form,
  );
  details.addEventListener("toggle", () => {
    filtersOpen = details.open;
  });
  return details;
}

/** @param {string} chosen */
function select(chosen) {
  const options = Object.entries(sorts).map(([value, name]) =>
    h("option", { value, selected: value === chosen }, name),
  );
  return field("Sort", h("select", { id: "sort", name: "sort" }, ...options));
}

/** @param {string} name @param {string} value @param {boolean} checked */
function check(name, value, checked) {
  return h("input", { type: "checkbox", id: `${name}-${value}`, name, value, checked });
}

/** @param {"min" | "max"} name @param {URLSearchParams} query */
function price(name, query) {
  return h("input", { id: name, name, value: query.get(name) ?? "", type: "number", min: 0, step: "any" });
}

/**
 * @param {typeof facets[number]} name
 * @param {{ value: string, count: number }[]} counts
 * @param {string[]} chosen
 */
function facet(name, counts, chosen) {
  const missing = chosen.filter((value) => !counts.some((each) => each.value === value));
  const shown = [
    ...counts.filter(({ value }, index) => index < facetValuesShown || chosen.includes(value)),
    ...missing.map((value) => ({ value, count: 0 })),
  ];
  if (shown.length === 0) return null;
  const choices = shown.map(({ value, count }) =>
    h(
      "label",
      { class: "choice" },
      check(name, value, chosen.includes(value)),
      h("span", {}, value, " ", h("small", {}, `(${count})`)),
    ),
  );
  return h("fieldset", {}, h("legend", {}, facetNames[name]), ...choices);
}

/** @param {HTMLFormElement} form @param {string} q */
function addressOf(form, q) {
  const query = new URLSearchParams();
  if (q !== "") query.set("q", q);
  for (const [name, value] of new FormData(form)) if (value !== "") query.append(name, String(value));
  return query.size > 0 ? `/?${query}` : "/";
}
