import type { FastifyRequest } from "fastify";
import type { Permission } from "../../commands/apikey/permissions.ts";
import type { Auth } from "./auth.ts";
import type { App } from "./server.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Left out where there is no route. */
    may?: May;
  }
}

/** Who may call a route: everybody, customers who are logged in, staff, or whose it is and staff besides. */
export type May = "anyone" | "customer" | Permission | { owner: true; staff: Permission };

/** Whose cart or order it is, which the route itself looks at; and staff who may do this. */
const orOwner = (staff: Permission): May => ({ owner: true, staff });

/**
 * Who may call each route: the one place that says so. A route that is not here keeps the server from starting. What
 * "anyone" is answered may be more for staff who may do more: see `isAllowed`.
 */
const table: Readonly<Record<string, May>> = {
  "GET /health/live": "anyone",
  "GET /health/ready": "anyone",
  "GET /metrics": "anyone",
  "GET /openapi.json": "anyone",
  "GET /docs": "anyone",
  "GET /docs/": "anyone",
  "GET /docs/*": "anyone",
  "GET /docs*": "anyone",

  "GET /v1/products": "anyone",
  "GET /v1/products/:id": "anyone",
  "GET /v1/recently-viewed": "anyone",
  "GET /v1/best-sellers": "anyone",
  "POST /v1/products": "products",
  "PATCH /v1/products/:id": "products",
  "POST /v1/products/:id/variants": "products",
  "PATCH /v1/products/:id/variants/:sku": "products",
  "DELETE /v1/products/:id/variants/:sku": "products",
  "PUT /v1/products/:id/variants/:sku/price": "products",
  "POST /v1/products/:id/publish": "products",
  "POST /v1/products/:id/archive": "products",
  "GET /v1/categories": "anyone",
  "GET /v1/categories/:id": "anyone",
  "POST /v1/categories": "products",
  "PATCH /v1/categories/:id": "products",
  "DELETE /v1/categories/:id": "products",
  "GET /v1/brands": "anyone",
  "GET /v1/brands/:id": "anyone",
  "POST /v1/brands": "products",
  "PATCH /v1/brands/:id": "products",
  "DELETE /v1/brands/:id": "products",
  "POST /v1/imports/products": "products",
  "GET /v1/imports": "products",
  "GET /v1/imports/:id": "products",
  "GET /v1/imports/:id/rejects": "products",
  "POST /v1/imports/:id/cancel": "products",
  "GET /v1/exports/products": "products",

  "GET /v1/stock/:sku": "anyone",
  "GET /v1/stock": "stock",
  "GET /v1/stock/:sku/ledger": "stock",
  "POST /v1/stock/:sku/receipts": "stock",
  "POST /v1/stock/:sku/adjustments": "stock",
  "POST /v1/stock/:sku/counts": "stock",
  "POST /v1/stock/:sku/moves": "stock",
  "PUT /v1/stock/:sku/policy": "stock",
  "GET /v1/exports/stock": "stock",

  "POST /v1/auth/register": "anyone",
  "POST /v1/auth/register/confirm": "anyone",
  "POST /v1/auth/login": "anyone",
  "POST /v1/auth/refresh": "anyone",
  "POST /v1/auth/password/forgot": "anyone",
  "POST /v1/auth/password/reset": "anyone",
  "POST /v1/auth/email/confirm": "anyone",
  "POST /v1/auth/logout": "customer",
  "GET /v1/me": "customer",
  "PATCH /v1/me": "customer",
  "DELETE /v1/me": "customer",
  "GET /v1/me/consents": "customer",
  "PUT /v1/me/consents/:purpose": "customer",
  "GET /v1/me/addresses": "customer",
  "POST /v1/me/addresses": "customer",
  "PUT /v1/me/addresses/:id": "customer",
  "DELETE /v1/me/addresses/:id": "customer",
  "PUT /v1/me/addresses/defaults": "customer",
  "GET /v1/me/cart": "customer",
  "POST /v1/me/cart/merge": "customer",
  "GET /v1/me/orders": "customer",
  "PUT /v1/me/password": "customer",
  "POST /v1/me/email": "customer",
  "POST /v1/me/totp": "customer",
  "DELETE /v1/me/totp": "customer",
  "POST /v1/me/totp/confirm": "customer",
  "GET /v1/me/sessions": "customer",
  "DELETE /v1/me/sessions/:id": "customer",
  "GET /v1/me/export": "customer",
  "GET /v1/customers": "customers",
  "GET /v1/customers/:id": "customers",
  "POST /v1/customers/:id/suspend": "customers",
  "POST /v1/customers/:id/reactivate": "customers",

  "POST /v1/carts": "anyone",
  "GET /v1/shipping-methods": "anyone",
  "GET /v1/drafts": "orders",
  "GET /v1/carts/:id": orOwner("orders"),
  "PATCH /v1/carts/:id": orOwner("care"),
  "DELETE /v1/carts/:id": orOwner("care"),
  "POST /v1/carts/:id/items": orOwner("care"),
  "PATCH /v1/carts/:id/items/:line": orOwner("care"),
  "DELETE /v1/carts/:id/items/:line": orOwner("care"),
  "POST /v1/carts/:id/quote": orOwner("orders"),
  "POST /v1/carts/:id/checkout": orOwner("care"),

  "GET /v1/orders": "orders",
  "GET /v1/orders/:id": orOwner("orders"),
  "GET /v1/orders/:id/refundable": "orders",
  "GET /v1/exports/orders": "orders",
  "POST /v1/orders/:id/cancel": orOwner("care"),
  "POST /v1/orders/:id/notes": "care",
  "POST /v1/orders/:id/edits": "care",
  "POST /v1/orders/:id/exchanges": "care",
  "POST /v1/orders/:id/returns": orOwner("care"),
  "POST /v1/orders/:id/returns/:returnId/withdraw": orOwner("care"),
  "POST /v1/orders/:id/returns/:returnId/approve": "care",
  "POST /v1/orders/:id/returns/:returnId/reject": "care",
  "POST /v1/orders/:id/returns/:returnId/close": "care",
  "POST /v1/orders/:id/returns/:returnId/receive": "ship",
  "POST /v1/orders/:id/returns/:returnId/inspect": "ship",
  "POST /v1/orders/:id/shipments": "ship",
  "POST /v1/orders/:id/deliveries": "ship",
  "POST /v1/orders/:id/shipments/:shipmentId/failures": "ship",
  "POST /v1/orders/:id/shipments/:shipmentId/returns": "ship",
  "POST /v1/orders/:id/reshipments": "ship",
  "GET /v1/payments/:id": "orders",
  "POST /v1/orders/:id/payments": orOwner("care"),
  "POST /v1/orders/:id/refunds": "refund",
  "POST /v1/refunds/:id/retry": "refund",
  "POST /v1/refunds/:id/approve": "refund",
  "POST /v1/refunds/:id/reject": "refund",
  "POST /v1/payments/:id/capture": "refund",
  "POST /v1/payments/:id/void": "refund",
  "POST /v1/webhooks/:gateway": "anyone",
  "POST /v1/sandbox/events": "admin",

  "GET /v1/analytics/sales": "analytics",
  "GET /v1/analytics/refunds": "analytics",
  "GET /v1/analytics/products": "analytics",
  "GET /v1/analytics/categories": "analytics",
  "GET /v1/analytics/funnel": "analytics",
  "GET /v1/audit": "privacy",

  "POST /v1/api-keys": "admin",
  "GET /v1/api-keys": "admin",
  "GET /v1/api-keys/:id": "admin",
  "POST /v1/api-keys/:id/rotate": "admin",
  "DELETE /v1/api-keys/:id": "admin",
  "GET /v1/events": "admin",
  "POST /v1/webhook-endpoints": "admin",
  "GET /v1/webhook-endpoints": "admin",
  "GET /v1/webhook-endpoints/:id": "admin",
  "PATCH /v1/webhook-endpoints/:id": "admin",
  "DELETE /v1/webhook-endpoints/:id": "admin",
  "POST /v1/webhook-endpoints/:id/rotate-secret": "admin",
  "POST /v1/webhook-endpoints/:id/replay": "admin",
  "POST /v1/webhook-endpoints/:id/test": "admin",
  "GET /v1/ops/projections": "admin",
  "POST /v1/ops/projections/:name/rebuild": "admin",
  "DELETE /v1/ops/projections/:name/rebuild": "admin",
  "POST /v1/ops/projections/:name/rollback": "admin",
  "GET /v1/ops/projections/:name/parked": "admin",
  "POST /v1/ops/projections/:name/parked/retry": "admin",
  "POST /v1/ops/projections/:name/parked/skip": "admin",
  "GET /v1/ops/streams/:stream": "admin",
  "GET /v1/ops/tasks": "admin",
  "POST /v1/ops/tasks/:kind/:id/retry": "admin",
  "POST /v1/ops/tasks/:kind/:id/settle": "admin",
  "GET /v1/ops/mails": "privacy",
};

/** @returns who may call a route, by its method and its path as it was declared */
export function mayCall(method: string, path: string): May | undefined {
  return table[`${method} ${path}`];
}

/**
 * Has every route let in only who may call it; to be added before the routes are.
 * @throws Error, when a route is added, for one that nothing is said of
 */
export function guardRoutes(app: App, auth: Auth): void {
  app.addHook("onRoute", (route) => {
    const [method = ""] = [route.method].flat();
    if (method === "OPTIONS") return;
    const may = mayCall(method === "HEAD" ? "GET" : method, route.url);
    if (may === undefined)
      throw new Error(`nothing says who may call ${method} ${route.url}: see src/http/permissions.ts`);
    route.config = { ...route.config, may };
  });
  app.addHook("onRequest", (request, _reply, done) => {
    try {
      requireAllowed(auth, request);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** @throws Problem unauthorized, forbidden */
function requireAllowed(auth: Auth, request: FastifyRequest): void {
  const { may = "anyone" } = request.routeOptions.config;
  if (may === "anyone") return;
  if (may === "customer") auth.requireCustomer(request);
  else if (typeof may === "string") auth.requireStaff(request, may);
  else auth.requireIfStaff(request, may.staff);
}
