// @ts-check
import { countries, countryGuess, hasPostalCodes } from "./countries.js";
import { field, h } from "./dom.js";

/** @import { Schemas } from "../../../client/index.js" */

/** @typedef {Schemas["Address"]} Address */

/** @type {readonly { name: keyof Address, label: string, autocomplete: string, optional?: boolean, max: number }[]} */
const fields = [
  { name: "fullName", label: "Name", autocomplete: "name", max: 200 },
  { name: "addressLine1", label: "Street and number", autocomplete: "address-line1", max: 200 },
  {
    name: "addressLine2",
    label: "More of it (optional)",
    autocomplete: "address-line2",
    optional: true,
    max: 200,
  },
  { name: "postalCode", label: "Postal code", autocomplete: "postal-code", max: 20 },
  { name: "city", label: "City", autocomplete: "address-level2", max: 100 },
  {
    name: "state",
    label: "State or province (optional)",
    autocomplete: "address-level1",
    optional: true,
    max: 100,
  },
  { name: "phone", label: "Phone (optional)", autocomplete: "tel", optional: true, max: 40 },
];

/**
 * The fields of an address; a postal code is asked for where the country has them.
 * @param {"shipping" | "billing"} kind
 * @param {Address | undefined} kept
 * @param {(country: string) => void} [onCountry]
 */
export function addressFields(kind, kept, onCountry) {
  const country = kept?.country ?? countryGuess();
  const options = countries().map(({ code, name }) =>
    h("option", { value: code, selected: code === country }, name),
  );
  const named = `${kind}Address.country`;
  const select = h("select", { id: named, name: named, autocomplete: `${kind} country` }, ...options);
  const rows = fields.map((each) => input(kind, each, kept?.[each.name] ?? ""));
  const code = /** @type {HTMLElement} */ (rows[fields.findIndex(({ name }) => name === "postalCode")]);
  const fit = () => {
    code.hidden = !hasPostalCodes(select.value);
    const codeInput = /** @type {HTMLInputElement} */ (code.querySelector("input"));
    codeInput.disabled = code.hidden;
  };
  select.addEventListener("change", () => {
    fit();
    onCountry?.(select.value);
  });
  fit();
  return [field("Country", select), ...rows];
}

/**
 * @param {string} kind
 * @param {typeof fields[number]} its
 * @param {string} value
 */
function input(kind, { name, label, autocomplete, optional, max }, value) {
  const named = `${kind}Address.${name}`;
  const given = { id: named, name: named, autocomplete: `${kind} ${autocomplete}`, value, maxlength: max };
  return field(label, h("input", { ...given, required: !optional }));
}

/**
 * @param {FormData} data
 * @param {"shipping" | "billing"} kind
 * @returns {Address} without what was left empty
 */
export function addressOf(data, kind) {
  const names = /** @type {const} */ (["country", ...fields.map(({ name }) => name)]);
  const entries = names.map((name) => [name, String(data.get(`${kind}Address.${name}`) ?? "").trim()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}
