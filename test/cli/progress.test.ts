import { expect, onTestFinished, test, vi } from "vitest";
import type { Progress } from "../../src/cli/progress.ts";
import { rebuildShown } from "../../src/cli/rebuild.ts";
import { catchUp } from "../../src/cli/session.ts";
import { filledFolder, openShop } from "./cli.ts";

/** Keeps what would be shown beside how far a step is. */
function kept(): Progress & { details: string[] } {
  const details: string[] = [];
  return { details, step() {}, at: (_, detail) => void details.push(detail?.() ?? ""), end() {} };
}

test("a command says which read model it waits for, and what for", async () => {
  const runtime = await openShop(await filledFolder());
  onTestFinished(() => runtime.close());
  const { models } = runtime;
  const live = Promise.withResolvers<boolean>();
  const reached = vi.spyOn(models, "reached");

  reached.mockResolvedValueOnce(false);
  const catching = kept();
  await catchUp(runtime, catching);
  expect(catching.details).toEqual([
    expect.stringMatching(`^waiting for ${models.names[0]}, \\d+ events? to go$`),
  ]);

  reached.mockReturnValue(live.promise);
  const verifying = kept();
  const verified = rebuildShown(runtime, ["carts"], false, verifying);
  await expect
    .poll(() => verifying.details, { timeout: 20_000 })
    .toContain("0 of 1 done, carts: waiting for the live one");
  live.resolve(true);
  expect((await verified).get("carts")).toMatchObject({ differing: 0 });
  expect(verifying.details.at(-1)).toBe("1 of 1 done");
});
