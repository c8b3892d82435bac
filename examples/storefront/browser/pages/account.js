// @ts-check
import { CartwrightError } from "../../../../client/index.js";
import { announce, field, h } from "../dom.js";
import { forgetSession, isLoggedIn, logIn, member } from "../session.js";
import { bringCart, leaveCart, shop } from "../shop.js";
import { date, money } from "../words.js";

/** @import { Page, Visit } from "../app.js" */

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  if (isLoggedIn()) {
    try {
      return await own(visit);
    } catch (error) {
      // Ended elsewhere, by another password say.
      if (!(error instanceof CartwrightError && /session_ended|unauthorized/.test(error.code))) throw error;
      forgetSession();
      leaveCart();
    }
  }
  return { title: "Your account", content: [loginForm(visit), registerForm(visit)] };
}

/** @param {Visit} visit @returns {Promise<Page>} */
async function own(visit) {
  const { signal } = visit;
  const [{ body: me }, { body: orders }] = await Promise.all([
    member.get("/v1/me", { signal }),
    member.get("/v1/me/orders", { signal }),
  ]);
  const items = orders.items.map(({ id, number, placedAt, total }) =>
    h(
      "li",
      {},
      h("a", { href: `/orders/${id}` }, number),
      h("span", { class: "quiet" }, `${date(placedAt)}, ${money(total)}`),
    ),
  );
  const out = h("button", { onclick: () => void visit.act(() => leave(visit)) }, "Log out");
  return {
    title: me.firstName === undefined ? "Your account" : `Hello, ${me.firstName}`,
    content: [
      h("p", {}, `You are logged in as ${me.email ?? "nobody"}. `, out),
      h("h2", {}, "Your orders"),
      items.length > 0 ? h("ul", { class: "brief" }, ...items) : h("p", {}, "There are none yet."),
    ],
  };
}

/** @param {Visit} visit */
async function leave(visit) {
  // It is over here in any case.
  await member.post("/v1/auth/logout", { body: {} }).catch(() => {});
  forgetSession();
  leaveCart();
  await visit.refresh();
}

/** @param {Visit} visit */
function loginForm(visit) {
  const email = h("input", {
    type: "email",
    id: "email",
    name: "email",
    required: true,
    autocomplete: "username",
  });
  const password = h("input", {
    ...{ type: "password", id: "password", name: "password", required: true },
    autocomplete: "current-password",
  });
  const code = h("input", { id: "code", name: "code", inputmode: "numeric", autocomplete: "one-time-code" });
  const second = h("div", { hidden: true }, field("Code of your authenticator", code));
  const form = h(
    "form",
    { "aria-label": "Log in" },
    h("h2", {}, "Log in"),
    field("E-mail", email),
    field("Password", password),
    second,
    h("button", { type: "submit" }, "Log in"),
    h("p", {}, h("a", { href: "/account/forgot-password" }, "I have forgotten my password")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void visit.act(async () => {
      try {
        const totp = code.value === "" ? {} : { totp: code.value };
        const credentials = { email: email.value, password: password.value, ...totp };
        logIn((await shop.post("/v1/auth/login", { body: credentials })).body);
        await bringCart();
        await visit.go("/account");
      } catch (error) {
        if (!(error instanceof CartwrightError && error.code === "totp_required")) throw error;
        second.hidden = false;
        code.focus();
        announce("Your account asks for a code, too.");
      }
    });
  });
  return form;
}

/** @param {Visit} visit */
function registerForm(visit) {
  const email = h("input", { type: "email", id: "new-email", required: true, autocomplete: "email" });
  const form = h(
    "form",
    { "aria-label": "Register" },
    h("h2", {}, "New here?"),
    field("Your e-mail", email),
    h("button", { type: "submit" }, "Send me a link"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void visit.act(async () => {
      await shop.post("/v1/auth/register", { body: { email: email.value } });
      announce("We have sent you a message: open the link in it.");
    });
  });
  return form;
}
