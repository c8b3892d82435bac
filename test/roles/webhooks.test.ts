import { expect, onTestFinished, test, vi } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { openShop, staff } from "../http/shop.ts";
import { startReceiver } from "../support/receiver.ts";
import { onServers } from "./cluster.ts";

await onServers("webhooks of a shop of several processes", (servers) => {
  test("one of two workers sends, the other goes on after it, and every api process has the feed", {
    timeout: 90_000,
  }, async () => {
    const receiver = await startReceiver();
    onTestFinished(() => receiver.close());
    const { env } = await servers().shopOn();
    const open = (ROLE: string) =>
      openShop({ env: { ...env, WEBHOOK_PRIVATE_ADDRESSES: "true", ROLE }, runDueWork: true });
    await open("projector");
    const [one, other] = [await open("api"), await open("api")];
    await prepareLog(one.runtime);
    const workers = [await open("worker"), await open("worker")];
    const quantities = () =>
      receiver.received.map(({ body }) => (body.data.change as { onHand: number }).onHand);
    const arrived = (...expected: number[]) =>
      vi.waitFor(() => expect([...new Set(quantities())]).toEqual(expected), { timeout: 20_000 });

    const made = await one.post("/v1/webhook-endpoints", { url: receiver.url, topics: ["stock.changed"] });
    receiver.secret = made.body.secret;
    await one.receive("A", 1);
    await other.receive("A", 2);
    await arrived(1, 2);
    // Both workers looked, and one has sent.
    expect(quantities()).toEqual([1, 2]);
    await workers[0]?.close();
    await one.receive("A", 3);
    await arrived(1, 2, 3);

    const feed = async (shop: typeof one) =>
      (await shop.get("/v1/events?from=start&topics=stock.changed&limit=100", staff)).body;
    const [here, there] = [await feed(one), await feed(other)];
    expect(there.items).toEqual(here.items);
    expect(here.items).toHaveLength(3);
    // What one has given out, the other goes on from.
    await one.receive("A", 4);
    const next = await other.get(`/v1/events?topics=stock.changed&cursor=${here.nextCursor}`, staff);
    expect(next.body.items).toMatchObject([{ data: { change: { onHand: 4 } } }]);
  });
});
