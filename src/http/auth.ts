import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
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

/** Who sends a request. A guest may hold a cart's token. */
export type Principal =
  | { kind: "staff" }
  | CustomerPrincipal
  | { kind: "guest"; cartToken: string | undefined };

/** Who is shown the same: of what everybody may read, a customer is shown what a guest is. */
export type Audience = "staff" | "guest";

export interface Auth {
  /** Finds out which customer a request's access token is of: before anything asks who sends it. */
  recognise(request: FastifyRequest): Promise<void>;
  /** @throws Problem unauthorized for a bearer token that is nobody's */
  principal(request: FastifyRequest): Principal;
  audience(request: FastifyRequest): Audience;
  /** @throws Problem unauthorized */
  requireCustomer(request: FastifyRequest): CustomerPrincipal;
  /** For what is answered in any case: credentials that are not valid are a guest's. */
  isStaff(request: FastifyRequest): boolean;
  /** @throws Problem unauthorized */
  requireStaff(request: FastifyRequest): void;
  /**
   * Staff, the customer whose cart it is, or whoever holds the token of a guest's.
   * @throws Problem unauthorized, forbidden; not_found for what is another's
   */
  requireCart(request: FastifyRequest, cartId: string, told?: Told): Promise<void>;
  /** Whether a request shows the token of a cart. */
  holdsToken(request: FastifyRequest, cartId: string): boolean;
  cartToken(cartId: string): string;
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
  /** Which customer a cart is of; a guest's, and one that is not there, is nobody's. */
  ownerOf: (cartId: string) => Promise<string | undefined>;
}

export function createAuth({ secret, adminApiKey, customerOf, ownerOf }: AuthOptions): Auth {
  const adminDigest = digest(adminApiKey);
  const { cartToken, opens, seen } = createCartTokens(secret);

  const requireToken = (token: string | undefined, cartId: string): void => {
    if (token === undefined) throw new Problem("unauthorized", "this needs the cart's Cart-Token");
    if (!opens(token, cartId)) throw new Problem("forbidden", "the Cart-Token is not this cart's");
  };

  const recognised = new WeakMap<FastifyRequest, CustomerPrincipal>();

  const isStaff = (request: FastifyRequest): boolean => {
    const token = bearerOf(request);
    return token !== undefined && timingSafeEqual(digest(token), adminDigest);
  };

  const principal = (request: FastifyRequest): Principal => {
    if (request.headers.authorization === undefined)
      return { kind: "guest", cartToken: header(request, "cart-token") };
    if (isStaff(request)) return { kind: "staff" };
    const customer = recognised.get(request);
    if (!customer) throw new Problem("unauthorized", "the bearer token is not valid");
    return customer;
  };

  return {
    recognise: async (request) => {
      const token = bearerOf(request);
      if (token === undefined || !jwtPattern.test(token)) return;
      const customer = await customerOf(token);
      if (customer) recognised.set(request, { kind: "customer", ...customer });
    },
    principal,
    audience: (request) => (principal(request).kind === "staff" ? "staff" : "guest"),
    requireCustomer: (request) => customerAmong(principal(request)),
    isStaff,
    cartToken,
    requireStaff: (request) => {
      if (principal(request).kind !== "staff")
        throw new Problem("unauthorized", "this needs a staff API key as bearer token");
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
  return { cartToken, opens, seen: (token: string) => known.get(token) };
}

/** @throws Problem unauthorized */
function customerAmong(who: Principal): CustomerPrincipal {
  if (who.kind === "customer") return who;
  throw new Problem("unauthorized", "this needs a customer's access token as bearer token");
}

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
