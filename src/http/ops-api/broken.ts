import type { ReadModels } from "../../runtime/read-models.ts";
import { StoreDamaged } from "../../stores/event-store/event-store.ts";

/** No document is called this; looking for it reads what every read goes by. */
const nowhere = "";

/**
 * Whether a read model cannot be read. Whoever writes it may not have noticed: nothing has come for it since, or it
 * had at hand what is broken on the disk.
 */
export async function isBroken(models: ReadModels, name: string): Promise<boolean> {
  try {
    await (await models.model(name)).load([nowhere]);
    return false;
  } catch (error) {
    // A store that is away is told of as a whole.
    return error instanceof StoreDamaged;
  }
}
