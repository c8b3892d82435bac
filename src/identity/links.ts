import type { Sealing } from "../privacy/sealing.ts";
import { isSealed } from "../privacy/sealing.ts";
import { Problem } from "../values/problem.ts";

const linksSubject = "links";

/** What a link in a mail is good for, and what it says. Each purpose is a field of its own: none opens as another. */
export interface LinkContents {
  register: { email: string; id: string };
  /** For one password of one address. */
  reset: { accountId: string; credential: number; emails: number };
  /** In place of one address, while the password is the one that it was asked for with. */
  email: { customerId: string; email: string; credential: number; emails: number };
}

export type LinkPurpose = keyof LinkContents;

/** How many minutes links of each purpose are good. */
const lifeMinutes: Record<LinkPurpose, number> = { register: 24 * 60, reset: 30, email: 24 * 60 };

export const linkMinutes = (purpose: LinkPurpose): number => lifeMinutes[purpose];
export const linkHours = (purpose: LinkPurpose): number => lifeMinutes[purpose] / 60;

/** Links that prove a mailbox: sealed, so that they say nothing and cannot be made up, and for one purpose. */
export interface Links {
  make<P extends LinkPurpose>(purpose: P, contents: LinkContents[P]): Promise<string>;
  /** @throws Problem token_invalid for one that is none, is over, or is for something else */
  open<P extends LinkPurpose>(purpose: P, token: string): Promise<LinkContents[P]>;
}

export function createLinks(sealing: Sealing, clock: () => number): Links {
  const fieldOf = (purpose: LinkPurpose) => `link/${purpose}`;
  return {
    async make(purpose, contents) {
      const sealer = await sealing.sealerFor(linksSubject);
      return sealer.seal(fieldOf(purpose), { until: clock() + lifeMinutes[purpose] * 60_000, contents });
    },
    async open<P extends LinkPurpose>(purpose: P, token: string) {
      const made = isSealed(token) ? await opened<P>(sealing, fieldOf(purpose), token) : null;
      if (!made || made.until < clock())
        throw new Problem("token_invalid", "the link is not valid, or is over");
      return made.contents;
    },
  };
}

async function opened<P extends LinkPurpose>(sealing: Sealing, field: string, token: string) {
  try {
    return await sealing.open<{ until: number; contents: LinkContents[P] }>(field, token);
  } catch (error) {
    // Sealed as something else, or changed; a vault that is away is no answer.
    if (error instanceof Error && error.name === "StoreUnavailable") throw error;
    return null;
  }
}
