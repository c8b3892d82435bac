import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { News } from "../../src/stores/hot-store/news.ts";

/** Where news are opened: all of one topic hear each other. */
export interface NewsPlace {
  open(topic: string): Promise<News>;
  close(): Promise<void>;
}

const withinMs = 10_000;

/** What all news do, whichever server they go through. */
export function newsContract(name: string, openPlace: () => Promise<NewsPlace>): void {
  describe(`news: ${name}`, () => {
    let place: NewsPlace;
    beforeEach(async () => {
      place = await openPlace();
    });
    afterEach(() => place.close());

    async function listening(topic = "appends") {
      const news = await place.open(topic);
      const heard: string[] = [];
      const stop = news.subscribe((position) => heard.push(position));
      await ready(news);
      return { news, heard, stop };
    }

    test("everybody who listens hears what is published, the publisher too", async () => {
      const [one, other] = [await listening(), await listening()];
      one.news.publish("0007");
      await vi.waitFor(() => expect([one.heard, other.heard]).toEqual([["0007"], ["0007"]]), {
        timeout: withinMs,
      });
    });

    test("a listener is told after publish has returned", async () => {
      const { news, heard } = await listening();
      news.publish("0001");
      expect(heard).toEqual([]);
      await vi.waitFor(() => expect(heard).toEqual(["0001"]), { timeout: withinMs });
    });

    test("of many at once the newest is heard, and none behind it", async () => {
      const { news, heard } = await listening();
      const positions = Array.from({ length: 1_000 }, (_, n) => `${n}`.padStart(4, "0"));
      for (const position of positions) news.publish(position);
      await vi.waitFor(() => expect(heard.at(-1)).toBe("0999"), { timeout: withinMs });
      expect(heard).toEqual([...heard].sort());
      expect(heard.length).toBeLessThan(positions.length);
    });

    test("who has stopped hears nothing more, and the others still do", async () => {
      const { news, heard, stop } = await listening();
      const others: string[] = [];
      news.subscribe((position) => others.push(position));
      stop();
      news.publish("0001");
      await vi.waitFor(() => expect(others).toEqual(["0001"]), { timeout: withinMs });
      expect(heard).toEqual([]);
    });

    test("one function that listens twice is told twice, and stops once", async () => {
      const { news } = await listening();
      const heard: string[] = [];
      const listener = (position: string) => heard.push(position);
      const stop = news.subscribe(listener);
      news.subscribe(listener);
      stop();
      news.publish("0001");
      await vi.waitFor(() => expect(heard).toEqual(["0001"]), { timeout: withinMs });
    });

    test("one topic does not hear another", async () => {
      const [appends, models] = [await listening("appends"), await listening("models")];
      appends.news.publish("0001");
      models.news.publish("0002");
      await vi.waitFor(() => expect([appends.heard, models.heard]).toEqual([["0001"], ["0002"]]), {
        timeout: withinMs,
      });
    });

    test("publishing fails for nobody, listened to or closed", async () => {
      const news = await place.open("appends");
      news.publish("0001");
      const { heard, news: closed } = await listening();
      await closed.close();
      expect(() => closed.publish("0002")).not.toThrow();
      await sleep(20);
      expect(heard).not.toContain("0002");
    });
  });
}

export async function ready(news: News): Promise<void> {
  await vi.waitFor(() => expect(news.state()).toBe("ready"), { timeout: withinMs });
}
