import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

/** Sealed before it comes here. */
const sealed = z.string().regex(/^s1\./);

export const sessionEnds = ["logout", "reuse", "expired", "replaced", "ended"] as const;

/** How the holder of a session has proven who it is, besides the password. */
const secondFactor = {
  /** The time step of the code: none that is not later is taken after it. */
  totpStep: z.int().optional(),
  /** Digest of the code, which is used up. */
  recoveryCode: z.string().optional(),
};

export const accountEvents = {
  /** `hash` is argon2id's. They are counted: a login, and a link to set another one, name the one that they are for. */
  PasswordSet: event(z.object({ hash: sealed, ...secondFactor })),
  /** `recoveryCodes` are digests; the codes are shown once. */
  TotpEnabled: event(z.object({ secret: sealed, recoveryCodes: z.array(z.string()), totpStep: z.int() })),
  TotpDisabled: event(z.object({})),
  SessionStarted: event(z.object({ sessionId: z.string(), ...secondFactor })),
  /** `n` counts refreshes; told once a day, so that a session outlives what only remembers them. */
  SessionSeen: event(z.object({ sessionId: z.string(), n: z.int() })),
  SessionEnded: event(z.object({ sessionId: z.string(), reason: z.enum(sessionEnds) })),
  /** All but one, where it is named. */
  AllSessionsEnded: event(z.object({ reason: z.string(), except: z.string().optional() })),
};
