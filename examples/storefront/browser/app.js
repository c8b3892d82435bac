// @ts-check
import { announce, h } from "./dom.js";
import { showCount } from "./shop.js";
import { wordsFor } from "./words.js";

/**
 * @typedef {object} Visit
 * @property {string[]} params of the path
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal ends when another page is shown
 * @property {(url: string, options?: { replace?: boolean }) => Promise<void>} go
 * @property {() => Promise<void>} refresh shows the page as it is now
 * @property {(work: () => Promise<unknown>) => Promise<void>} act does what a customer wants, one after the other; says
 * what went wrong
 *
 * @typedef {{ title: string, content: import("./dom.js").Child[], said?: string }} Page what is said is for those who do
 * not see that the page has changed
 */

/** Loading is only spoken of when it takes long. */
const slowMs = 1_500;

/** @type {[RegExp, () => Promise<{ show(visit: Visit): Promise<Page> }>][]} */
const routes = [
  [/^\/$/, () => import("./pages/list.js")],
  [/^\/products\/([^/]+)$/, () => import("./pages/product.js")],
  [/^\/cart$/, () => import("./pages/cart.js")],
  [/^\/checkout$/, () => import("./pages/checkout.js")],
  [/^\/orders$/, () => import("./pages/orders.js")],
  [/^\/orders\/([^/]+)$/, () => import("./pages/order.js")],
  [/^\/account$/, () => import("./pages/account.js")],
  [/^\/account\/([a-z-]+)$/, () => import("./pages/by-link.js")],
];

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const search = /** @type {HTMLFormElement} */ (document.querySelector("#search"));
let current = new AbortController();
let shownPath = "";
/** @type {Promise<unknown>} */
let acting = Promise.resolve();

/** @param {string} url @param {{ replace?: boolean }} [options] */
async function go(url, { replace = false } = {}) {
  // One who comes back comes back to another page.
  if (replace || url === location.pathname + location.search) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  announce();
  await render();
}

/** @param {() => Promise<unknown>} work */
async function act(work) {
  acting = acting.then(async () => {
    try {
      await patiently(work);
    } catch (error) {
      announce(wordsFor(error));
    }
  });
  await acting;
}

/**
 * Says that it takes a moment, while it does.
 * @template T
 * @param {() => Promise<T>} work
 */
async function patiently(work) {
  const notice = document.createTextNode("One moment…");
  const slow = setTimeout(announce, slowMs, notice);
  try {
    return await work();
  } finally {
    clearTimeout(slow);
    notice.remove();
  }
}

async function render() {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const { pathname, searchParams: query } = new URL(location.href);
  main.setAttribute("aria-busy", "true");
  const page = await patiently(() => pageOf(pathname, { query, signal, go, refresh: render, act }));
  if (signal.aborted) return;
  place(page, pathname);
}

/**
 * @param {string} pathname
 * @param {Omit<Visit, "params">} visit
 * @returns {Promise<Page>}
 */
async function pageOf(pathname, visit) {
  try {
    for (const [pattern, load] of routes) {
      const found = pattern.exec(pathname);
      if (found)
        return await (await load()).show({ ...visit, params: found.slice(1).map(decodeURIComponent) });
    }
    return { title: "No such page", content: [h("p", {}, "There is no such page.")] };
  } catch (error) {
    const again = h("button", { onclick: () => void visit.refresh() }, "Try again");
    return { title: "That did not work", content: [h("p", { role: "alert" }, wordsFor(error)), again] };
  }
}

/** @param {Page} page @param {string} pathname */
function place({ title, content, said = "" }, pathname) {
  const isFirst = shownPath === "";
  const isSame = shownPath === pathname;
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const heading = h("h1", { tabindex: -1 }, title);
  main.replaceChildren(heading, ...content.filter((child) => child instanceof Node));
  main.removeAttribute("aria-busy");
  document.querySelector("#heard")?.replaceChildren(said);
  document.title = `${title} · Cartwright's`;
  const asked = new URL(location.href).searchParams.get("q") ?? "";
  /** @type {HTMLInputElement} */ (search.elements.namedItem("q")).value = asked;
  shownPath = pathname;
  // Who reads by ear, or goes by keyboard, goes on where they were, or where the new page begins.
  if (isSame) focusAgain(focused, heading);
  else if (!isFirst) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/**
 * What was typed meanwhile stays, too.
 * @param {Element | null} before what had the focus in the page, if anything had
 * @param {HTMLElement} heading
 */
function focusAgain(before, heading) {
  if (!before) return;
  const after = document.getElementById(before.id);
  (after ?? heading).focus({ preventScroll: true });
  const isTyped = before instanceof HTMLInputElement && before.value !== before.defaultValue;
  if (isTyped && after instanceof HTMLInputElement) after.value = before.value;
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented) return;
  if (link.origin !== location.origin || link.target !== "" || link.hash !== "") return;
  event.preventDefault();
  void go(link.pathname + link.search);
});
search.addEventListener("submit", (event) => {
  event.preventDefault();
  const q = String(new FormData(search).get("q") ?? "").trim();
  void go(q === "" ? "/" : `/?${new URLSearchParams({ q })}`);
});
addEventListener("popstate", () => void render());
addEventListener("storage", showCount);

showCount();
void render();
