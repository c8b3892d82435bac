import type { App } from "../server.ts";

/** What may be asked of an address, for who asks with OPTIONS and is no browser's preflight. */
export function answerOptions(app: App): void {
  const methods = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    if (method === "OPTIONS" || !url.startsWith("/v1/")) return;
    const known = methods.get(url);
    const its = known ?? new Set(["OPTIONS"]);
    for (const each of [method].flat()) its.add(each);
    if (known) return;
    methods.set(url, its);
    app.options(url, { schema: { hide: true } }, (_, reply) =>
      reply
        .code(204)
        .header("Allow", [...its].sort().join(", "))
        .send(),
    );
  });
}
