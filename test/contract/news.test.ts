import { createEmbeddedNews } from "../../src/stores/hot-store/embedded/news.ts";
import type { News } from "../../src/stores/hot-store/news.ts";
import { openRedisNews } from "../../src/stores/hot-store/redis/news.ts";
import { newId } from "../../src/values/ids.ts";
import { onRedis } from "../stores/redis/here.ts";
import { newsContract, ready } from "./news.contract.ts";

newsContract("embedded", async () => {
  const topics = new Map<string, News>();
  return {
    open: async (topic) => {
      const news = topics.get(topic) ?? createEmbeddedNews();
      topics.set(topic, news);
      return news;
    },
    close: async () => {
      for (const news of topics.values()) await news.close();
    },
  };
});

onRedis("news", (urlOf) =>
  newsContract("redis", async () => {
    const place = { url: urlOf(), logId: newId(), keyPrefix: "contract" };
    const opened: News[] = [];
    return {
      open: async (topic) => {
        const news = openRedisNews({ ...place, topic });
        opened.push(news);
        await ready(news);
        return news;
      },
      close: async () => {
        await Promise.all(opened.map((news) => news.close()));
      },
    };
  }),
);
