// @ts-check
import { createClient } from "../../../client/index.js";

const url = document.querySelector('meta[name="api"]')?.getAttribute("content") ?? "";
/** Renewed so long before it ends. */
const renewedMs = 30_000;

/** @typedef {{ accessToken: string, refreshToken: string, until: number }} Session */

const anybody = createClient({ url });

/** @type {Promise<Session> | undefined} */
let renewing;

export function isLoggedIn() {
  return kept("session") !== undefined;
}

/** @param {{ accessToken: string, refreshToken: string, expiresIn: number }} tokens */
export function logIn({ accessToken, refreshToken, expiresIn }) {
  keep("session", { accessToken, refreshToken, until: Date.now() + expiresIn * 1_000 });
}

export function forgetSession() {
  keep("session", undefined);
}

/** @returns {Promise<string>} an access token that is good for a while */
async function accessToken() {
  /** @type {Session | undefined} */
  const session = kept("session");
  if (!session) throw new Error("nobody is logged in");
  if (session.until - Date.now() > renewedMs) return session.accessToken;
  renewing ??= renew(session.refreshToken).finally(() => {
    renewing = undefined;
  });
  return (await renewing).accessToken;
}

/** @param {string} refreshToken @returns {Promise<Session>} */
async function renew(refreshToken) {
  try {
    const { body } = await anybody.post("/v1/auth/refresh", { body: { refreshToken } });
    logIn(body);
    return /** @type {Session} */ (kept("session"));
  } catch (error) {
    // Ended elsewhere: who goes on is a guest.
    if (error instanceof Error && "code" in error && error.code === "session_ended") forgetSession();
    throw error;
  }
}

/** As whoever is logged in. */
export const member = createClient({
  url,
  fetch: async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${await accessToken()}`);
    return fetch(input, { ...init, headers });
  },
});

/**
 * What stays in this browser.
 * @template T
 * @param {string} name
 * @returns {T | undefined}
 */
export function kept(name) {
  const text = localStorage.getItem(name);
  return text === null ? undefined : JSON.parse(text);
}

/**
 * @param {string} name
 * @param {unknown} value undefined forgets it
 */
export function keep(name, value) {
  if (value === undefined) localStorage.removeItem(name);
  else localStorage.setItem(name, JSON.stringify(value));
}
