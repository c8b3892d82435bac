import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { takeTour } from "../containers/tour.ts";
import { inherited } from "../support/inherited.ts";
import { freePort } from "../support/ports.ts";
import { cli, temporaryPath } from "./cli.ts";

const program = fileURLToPath(new URL("../../src/main.js", import.meta.url));
const startMsMax = 60_000;
const key = "a-key-for-the-tour-only";

/** The server as `npm start` runs it, in a folder of its own. */
async function start(folder: string): Promise<{ url: string; stop(): Promise<unknown> }> {
  const port = await freePort();
  const env = {
    ...inherited(),
    ...{
      PORT: `${port}`,
      DATA_DIR: folder,
      MAIL_DIR: `${folder}-mail`,
      ADMIN_API_KEY: key,
      LOG_LEVEL: "warn",
    },
  };
  const server = spawn(process.execPath, [program], { env, stdio: "ignore" });
  const gone = once(server, "exit");
  onTestFinished(() => void server.kill("SIGKILL"));
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await vi.waitUntil(isReady, { timeout: startMsMax, interval: 100 });
  const stop = () => {
    server.kill("SIGTERM");
    return gone;
  };
  return { url, stop };
}

test("the README's tour shows what it says, word for word", async () => {
  const DATA_DIR = await temporaryPath("data");
  const { url, stop } = await start(DATA_DIR);
  const { status, output } = takeTour(url, key);
  expect(status, output).toBe(0);
  expect(output).not.toMatch(/"code":"/);
  expect(output).toMatch(/idempotent-replayed: true/i);
  expect(output).toContain('"state":"rebuilding"');
  const orderId = /^order ([\w-]{20,})$/m.exec(output)?.[1];
  const answer = await fetch(`${url}/v1/orders/${orderId}`, { headers: { authorization: `Bearer ${key}` } });
  const order = await answer.json();
  expect(order).toMatchObject({
    status: "delivered",
    paymentStatus: "partially_refunded",
    money: { due: { amount: 300 }, balance: { amount: 0 } },
    lines: [
      { sku: "MUG-01", quantities: { ordered: 3, cancelled: 1, sellable: 1, damaged: 1 } },
      { sku: "PAN-28", quantities: { ordered: 1, cancelled: 1 } },
    ],
    shipments: [{ carrier: "Pigeon Post" }, { failures: [{ outcome: "refused" }] }],
    returns: [{ status: "closed" }],
  });
  await stop();
  expect(await cli(["verify", "--json"], { DATA_DIR })).toMatchObject({ code: 0 });
});
