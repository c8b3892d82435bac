import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { type Permission, permissionNames } from "../../commands/apikey/permissions.ts";
import { atMost } from "../values/at-most.ts";
import { notFound, Problem } from "../values/problem.ts";

const knownTokensMax = 20_000;

/** A customer who is logged in. */
export interface CustomerPrincipal {
  kind: "customer";
  customerId: string;
  sessionId: string;
  /** Epoch milliseconds. */
  loginAt: number;
}

/** Staff, by the shop's own key or by one that was made for a program. */
export interface StaffPrincipal {
  kind: "staff";
  /** Left out for the shop's own, which may do everything. */
  keyId?: string;
  permissions: readonly Permission[];
}

/** Who sends a request. A guest may hold a cart's token. */
export type Principal = StaffPrincipal | CustomerPrincipal | { kind: "guest"; cartToken: string | undefined };

/** Who is shown the same: of what everybody may read, a customer is shown what a guest is. */
export type Audience = "staff" | "guest";

export interface Auth {
  /**
   * Finds out whose a request's bearer token is, before anything asks who sends it.
   * @returns nothing where there is nothing to find out
   */
  recognise(request: FastifyRequest): Promise<void> | undefined;
  /** @throws Problem unauthorized for a bearer token that is nobody's */
  principal(request: FastifyRequest): Principal;
  /** Whether it is by staff who may do this; of what everybody may read, they are shown more. */
  isAllowed(request: FastifyRequest, permission: Permission): boolean;
  audience(request: FastifyRequest, permission: Permission): Audience;
  /** @throws Problem unauthorized */
  requireCustomer(request: FastifyRequest): CustomerPrincipal;
  /** For what is answered in any case: credentials that are not valid are a guest's. */
  isStaff(request: FastifyRequest): boolean;
  /** @throws Problem unauthorized; forbidden for staff who may not do this */
  requireStaff(request: FastifyRequest, permission?: Permission): StaffPrincipal;
  /** For what is also its owner's. @throws Problem forbidden for staff who may not do this */
  requireIfStaff(request: FastifyRequest, permission: Permission): void;
  /**
   * Staff, the customer whose cart it is, or whoever holds the token of a guest's.
   * @throws Problem unauthorized, forbidden; not_found for what is another's
   */
  requireCart(request: FastifyRequest, cartId: string, told?: Told): Promise<void>;
  /** Whether a request shows the token of a cart. */
  holdsToken(request: FastifyRequest, cartId: string): boolean;
  cartToken(cartId: string): string;
  /** A digest that says nothing to who does not have the shop's secret. */
  fingerprintOf(text: string): string;
  /**
   * The cart whose token a request shows, as far as that can be told without reading anything: the one that its path
   * names, or any whose token was shown before. A token that is nobody's is as good as none.
   */
  cartShown(request: FastifyRequest): string | undefined;
}

/** What is not there for who may not see it: what was asked for. */
interface Told {
  what: string;
  id: string;
}

export interface AuthOptions {
  secret: string;
  adminApiKey: string;
  /** Who an access token is of, as of now. */
  customerOf: (token: string) => Promise<Omit<CustomerPrincipal, "kind"> | undefined>;
  /** Whose API key a token is, as of now. */
  keyOf: (token: string) => Promise<{ keyId: string; scopes: readonly Permission[] } | undefined>;
  /** Which customer a cart is of; a guest's, and one that is not there, is nobody's. */
  ownerOf: (cartId: string) => Promise<string | undefined>;
}

export function createAuth({ secret, adminApiKey, customerOf, keyOf, ownerOf }: AuthOptions): Auth {
  const { cartToken, opens, requireToken, seen } = createCartTokens(secret);

  const { knownOf, recognise } = createRecognition({ adminApiKey, customerOf, keyOf });

  const principal = (request: FastifyRequest): Principal => {
    if (request.headers.authorization === undefined)
      return { kind: "guest", cartToken: header(request, "cart-token") };
    const known = knownOf(request);
    if (!known) throw new Problem("unauthorized", "the bearer token is not valid");
    return known;
  };

  const isStaff = (request: FastifyRequest): boolean =>
    request.headers.authorization !== undefined && knownOf(request)?.kind === "staff";
  const isAllowed = (request: FastifyRequest, permission: Permission): boolean => {
    const who = principal(request);
    return who.kind === "staff" && who.permissions.includes(permission);
  };

  return {
    recognise,
    principal,
    isAllowed,
    audience: (request, permission) => (isAllowed(request, permission) ? "staff" : "guest"),
    requireCustomer: (request) => customerAmong(principal(request)),
    isStaff,
    fingerprintOf: (text) => createHmac("sha256", secret).update(text).digest("hex").slice(0, 40),
    cartToken,
    requireStaff: (request, permission) => staffAmong(principal(request), permission),
    requireIfStaff: (request, permission) => {
      const who = principal(request);
      if (who.kind === "staff") staffAmong(who, permission);
    },
    holdsToken: (request, cartId) => {
      const token = header(request, "cart-token");
      return token !== undefined && opens(token, cartId);
    },
    requireCart: async (request, cartId, { what, id } = { what: "cart", id: cartId }) => {
      const who = principal(request);
      if (who.kind === "staff") return;
      if (who.kind === "guest") requireToken(who.cartToken, cartId);
      const owner = await ownerOf(cartId);
      const isTheirs = who.kind === "guest" ? owner === undefined : owner === who.customerId;
      if (!isTheirs) throw notFound(what, id);
    },
    cartShown: (request) => {
      const token = header(request, "cart-token");
      if (token === undefined) return undefined;
      const { id } = (request.params ?? {}) as { id?: string };
      return seen(token) ?? (id !== undefined && opens(token, id) ? id : undefined);
    },
  };
}

/** Finds out whose bearer tokens are. */
function createRecognition({
  adminApiKey,
  customerOf,
  keyOf,
}: Pick<AuthOptions, "adminApiKey" | "customerOf" | "keyOf">) {
  const adminDigest = digest(adminApiKey);
  /** Whose a bearer token is, found out once a request; null, that it is not the shop's own key. */
  const recognised = new WeakMap<FastifyRequest, CustomerPrincipal | StaffPrincipal | null>();

  const knownOf = (request: FastifyRequest): CustomerPrincipal | StaffPrincipal | null => {
    const known = recognised.get(request);
    if (known !== undefined) return known;
    const token = bearerOf(request);
    // How long the key is, is no secret; a customer's token is longer.
    const isRoot = token?.length === adminApiKey.length && timingSafeEqual(digest(token), adminDigest);
    recognised.set(request, isRoot ? root : null);
    return isRoot ? root : null;
  };

  const recognise: Auth["recognise"] = (request) => {
    const token = bearerOf(request);
    if (token === undefined || knownOf(request)) return undefined;
    return holderOf(token, { customerOf, keyOf }).then((holder) => {
      if (holder) recognised.set(request, holder);
    });
  };
  return { knownOf, recognise };
}

/** Tokens by which guests open their carts: each is one cart's, and says nothing of it. */
function createCartTokens(secret: string) {
  const cartToken = (cartId: string) =>
    createHmac("sha256", secret).update(`cart:${cartId}`).digest("base64url");

  /** Tokens that were found to be right, and their carts: the same is shown again and again. */
  const known = new LRUCache<string, string>(atMost(knownTokensMax));

  const opens = (token: string, cartId: string): boolean => {
    const cart = known.get(token);
    if (cart !== undefined) return cart === cartId;
    if (!timingSafeEqual(digest(token), digest(cartToken(cartId)))) return false;
    known.set(token, cartId);
    return true;
  };
  const requireToken = (token: string | undefined, cartId: string): void => {
    if (token === undefined) throw new Problem("unauthorized", "this needs the cart's Cart-Token");
    if (!opens(token, cartId)) throw new Problem("forbidden", "the Cart-Token is not this cart's");
  };
  return { cartToken, opens, requireToken, seen: (token: string) => known.get(token) };
}

/** @throws Problem unauthorized */
function customerAmong(who: Principal): CustomerPrincipal {
  if (who.kind === "customer") return who;
  throw new Problem("unauthorized", "this needs a customer's access token as bearer token");
}

/** Whose a token is that is not the shop's own key. */
async function holderOf(
  token: string,
  { customerOf, keyOf }: Pick<AuthOptions, "customerOf" | "keyOf">,
): Promise<CustomerPrincipal | StaffPrincipal | undefined> {
  if (token.startsWith(keyPrefix)) {
    const key = await keyOf(token);
    return key && { kind: "staff", keyId: key.keyId, permissions: key.scopes };
  }
  const customer = jwtPattern.test(token) ? await customerOf(token) : undefined;
  return customer && { kind: "customer", ...customer };
}

/** The shop's own key. */
const root: StaffPrincipal = { kind: "staff", permissions: permissionNames };

/** @throws Problem unauthorized, forbidden */
function staffAmong(who: Principal, permission?: Permission): StaffPrincipal {
  if (who.kind !== "staff") throw new Problem("unauthorized", "this needs a staff API key as bearer token");
  if (permission === undefined || who.permissions.includes(permission)) return who;
  throw new Problem("forbidden", `this key may not do this: it needs ${permission}`);
}

const keyPrefix = "ck_";
/** A signed token (RFC 7519), as far as it can be told by looking. */
const jwtPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;

function bearerOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

export function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Of one length, so that comparing takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
