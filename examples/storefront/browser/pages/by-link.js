// @ts-check
import { announce, field, h } from "../dom.js";
import { logIn } from "../session.js";
import { bringCart, shop } from "../shop.js";

/** @import { Page, Visit } from "../app.js" */

/** What the links of messages lead to. @type {Record<string, (visit: Visit, token: string) => Page>} */
const pages = {
  register: (visit, token) =>
    asking("Set your password", visit, "Make my account", async (password) => {
      const { body } = await shop.post("/v1/auth/register/confirm", { body: { token, password } });
      logIn(body);
      await bringCart();
      await visit.go("/account", { replace: true });
    }),
  "reset-password": (visit, token) =>
    asking("Set a new password", visit, "Set it", async (password) => {
      await shop.post("/v1/auth/password/reset", { body: { token, password } });
      await visit.go("/account", { replace: true });
      announce("Your password is set: log in with it.");
    }),
  "confirm-email": (visit, token) => ({
    title: "Your new e-mail address",
    content: [
      h(
        "button",
        {
          onclick: () =>
            void visit.act(async () => {
              await shop.post("/v1/auth/email/confirm", { body: { token } });
              await visit.go("/account", { replace: true });
              announce("It is used from now on.");
            }),
        },
        "Use this address",
      ),
    ],
  }),
  "forgot-password": (visit) => {
    const email = h("input", { type: "email", id: "email", required: true, autocomplete: "username" });
    const form = h("form", {}, field("E-mail", email), h("button", { type: "submit" }, "Send me a link"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void visit.act(async () => {
        await shop.post("/v1/auth/password/forgot", { body: { email: email.value } });
        announce("If there is such an account, a message is on its way.");
      });
    });
    return { title: "A new password", content: [form] };
  },
};

/** @param {Visit} visit @returns {Promise<Page>} */
export async function show(visit) {
  // Behind the number sign, which no server is sent.
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  const page = pages[visit.params[0] ?? ""];
  return page
    ? page(visit, token)
    : { title: "No such page", content: [h("p", {}, "There is no such page.")] };
}

/**
 * @param {string} title
 * @param {Visit} visit
 * @param {string} label
 * @param {(password: string) => Promise<void>} set
 * @returns {Page}
 */
function asking(title, visit, label, set) {
  const password = h("input", {
    ...{ type: "password", id: "password", required: true, minlength: 8, maxlength: 128 },
    autocomplete: "new-password",
  });
  const form = h("form", {}, field("Password", password), h("button", { type: "submit" }, label));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void visit.act(() => set(password.value));
  });
  return { title, content: [form] };
}
