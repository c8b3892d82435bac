import { createEmbeddedHotStore } from "../../src/stores/hot-store/embedded/hot.ts";
import { hotStoreContract } from "./hot-store.contract.ts";

hotStoreContract("embedded", async () => {
  const store = createEmbeddedHotStore();
  return { open: async () => store, close: () => store.close() };
});
