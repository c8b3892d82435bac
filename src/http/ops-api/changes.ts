import type { Codec } from "../../engine/codec.ts";
import { addressField, emailField, profileFields } from "../../identity/personal.ts";
import { isSealed, type Sealing } from "../../privacy/sealing.ts";
import type { EventStore } from "../../stores/event-store/event-store.ts";
import { deciderOf, partsOf } from "./deciders.ts";

/** Of one event; the rest is only said to be there. */
const changesMax = 100;
const textCharactersMax = 500;
const pageEvents = 1_000;

/** Fields, at any depth, of which it is told that they have changed, but not what they were or are. */
const untold = new Set([
  ...["email", "phone", "shippingAddress", "billingAddress", "fullName", "customerId", "ip"],
  ...["token", "secret", "reference", "actionUrl", "stray", "recoveryCodes"],
]);

/** Of what is sealed, what is told nevertheless: what of it nobody need ever read is a secret. */
const opened = new Set<string>([...profileFields, emailField, addressField]);

type Leaf = string | number | boolean | null;

/** What has changed at a path, `book.lines.0.pieces.toShip`; `old` is left out of what is new, `new` of what is gone. */
export interface Change {
  path: string;
  old?: Leaf;
  new?: Leaf;
  /** Personal or secret, and not sealed for those who may read it. */
  untold?: true;
}

export interface Changes {
  changes: Change[];
  /** There are more than are told. */
  more: boolean;
}

/**
 * What events of a stream have changed in the state that its write model makes of it: nothing of it is kept, so the
 * stream is folded as far as the last of them. Personal data of accounts is opened; it is null once its key is destroyed.
 * @returns by revision; nothing for streams without a write model
 */
export async function changesOf(
  { events, codec, sealing }: { events: EventStore; codec: Codec; sealing: Sealing },
  stream: string,
  revisions: ReadonlySet<number>,
): Promise<Map<number, Changes>> {
  const found = new Map<number, Changes>();
  const decider = deciderOf(stream);
  const last = Math.max(...revisions);
  if (!decider) return found;
  let state: unknown = decider.initial();
  for (let from = 0; from <= last; ) {
    const { events: page, isEnd } = await events.readStream(stream, { from, maxCount: pageEvents });
    for (const event of page) {
      if (event.revision > last) return found;
      const before = state;
      state = decider.evolve[event.type]?.(state, codec.decode(event), { time: event.time }) ?? state;
      if (!revisions.has(event.revision)) continue;
      const { changes, more } = changesBetween(before, state);
      found.set(event.revision, { changes: await openedIn(changes, sealing), more });
    }
    if (isEnd) return found;
    from += page.length;
  }
  return found;
}

function openedIn(changes: readonly Change[], sealing: Sealing): Promise<Change[]> {
  return Promise.all(
    changes.map(async (change) => {
      const field = change.path.slice(change.path.lastIndexOf(".") + 1);
      const openedOf = async (leaf: Leaf): Promise<Leaf> =>
        isSealed(leaf) ? leafOfOpened(await sealing.open(field, leaf)) : leaf;
      return {
        ...change,
        ...(change.old !== undefined && { old: await openedOf(change.old) }),
        ...(change.new !== undefined && { new: await openedOf(change.new) }),
      };
    }),
  );
}

/** An address is one text. */
function leafOfOpened(value: unknown): Leaf {
  const text = typeof value === "object" && value !== null ? Object.values(value).join(", ") : value;
  return leafOf(text) ?? null;
}

/** What is other in `after`, leaf by leaf. States share what is the same in both: that is not looked into. */
export function changesBetween(before: unknown, after: unknown): Changes {
  const changes: Change[] = [];
  const isFull = () => changes.length > changesMax;
  const compare = (old: unknown, now: unknown, path: readonly string[]): void => {
    if (Object.is(old, now) || isFull()) return;
    const [oldParts, newParts] = [partsOf(old), partsOf(now)];
    const name = path.at(-1);
    const areSealed = isSealed(old) || isSealed(now);
    if (name !== undefined && (areSealed ? !opened.has(name) : untold.has(name))) {
      if (JSON.stringify(old) !== JSON.stringify(now)) changes.push({ path: path.join("."), untold: true });
      return;
    }
    if (!oldParts && !newParts) {
      // What is sealed is whole until it is opened.
      const [was, is] = areSealed
        ? [old as Leaf | undefined, now as Leaf | undefined]
        : [leafOf(old), leafOf(now)];
      if (was === is) return;
      const values = { ...(was !== undefined && { old: was }), ...(is !== undefined && { new: is }) };
      changes.push({ path: path.join("."), ...values });
      return;
    }
    const keys = new Set([...(oldParts?.keys() ?? []), ...(newParts?.keys() ?? [])]);
    for (const key of keys) {
      if (isFull()) return;
      compare(oldParts?.get(key), newParts?.get(key), [...path, key]);
    }
  };
  compare(before, after, []);
  return { changes: changes.slice(0, changesMax), more: isFull() };
}

function leafOf(value: unknown): Leaf | undefined {
  if (value === undefined || typeof value === "object") return value === null ? null : undefined;
  if (typeof value !== "string") return value as Leaf;
  return value.length > textCharactersMax ? `${value.slice(0, textCharactersMax)}…` : value;
}
