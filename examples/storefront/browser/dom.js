// @ts-check

/** @typedef {Node | string | number | false | null | undefined} Child */

/**
 * An element. Properties that begin with `on` are listeners, the rest are attributes; true is one without a value, and
 * what is false or undefined is left out. Texts are only ever texts.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== false && value !== undefined && value !== null)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodesOf(children.flat()));
  return element;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
export function nodesOf(children) {
  return children.flatMap((child) => {
    if (child === false || child === null || child === undefined) return [];
    return [child instanceof Node ? child : String(child)];
  });
}

/**
 * A labelled field.
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input which has an id
 */
export function field(label, input) {
  return h("p", { class: "field" }, h("label", { for: input.id }, label), input);
}

/**
 * @param {string} name
 * @param {{ value: string, label: Child | Child[], checked?: boolean, disabled?: boolean }} choice
 * @param {() => void} [onchange]
 */
export function radio(name, { value, label, checked, disabled }, onchange) {
  const input = h("input", { type: "radio", name, value, checked, disabled, id: `${name}-${value}` });
  if (onchange) input.addEventListener("change", onchange);
  return h("label", { class: "choice" }, input, h("span", {}, ...[label].flat()));
}

/**
 * Says something below the page, to screen readers too, until the next page is shown.
 * @param {...Child} said
 */
export function announce(...said) {
  document.querySelector("#status")?.replaceChildren(...nodesOf(said));
}

/**
 * What a page shows beside its texts of what is sold.
 * @param {{ url: string, alt?: string | undefined } | undefined} image
 * @param {string} alt where the image has none
 */
export function picture(image, alt) {
  if (!image) return h("div", { class: "picture none" });
  const given = { src: image.url, alt: image.alt ?? alt, width: 400, height: 400, loading: "lazy" };
  return h("div", { class: "picture" }, h("img", given));
}
