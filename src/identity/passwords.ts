import { hash, verify } from "@node-rs/argon2";
import { Problem } from "../values/problem.ts";

export const passwordCharactersMin = 8;
export const passwordCharactersMax = 128;
/** What is longer is strong by then; and what zxcvbn does goes up with the square, in the thread that takes commands. */
const estimatedCharactersMax = 24;
/** 2: somewhat guessable, by an attacker who may ask without limits a million times (zxcvbn). */
const scoreMin = 2;
/** RFC 9106, its second choice with half of the memory: about 40 ms of one core. */
const settings = { memoryCost: 32 * 1024, timeCost: 2, parallelism: 1, outputLen: 32 };
const current = `$argon2id$v=19$m=${settings.memoryCost},t=${settings.timeCost},p=${settings.parallelism}$`;
/** Who logs in does not wait for those who set passwords. */
const checkedAtOnce = 2;
const checksWaiting = 64;
const madeAtOnce = 1;
const makingWaiting = 16;
/** Of characters that may stand for letters. */
const l33tMaxSubstitutions = 10;

/** Hashes of passwords: argon2id, outside the thread that takes commands, few at once. */
export interface Passwords {
  /** @throws Problem unavailable when too many wait */
  hash(password: string): Promise<string>;
  /**
   * @param known undefined for an account that is not there, which takes as long
   * @throws Problem unavailable when too many wait
   */
  verify(known: string | undefined, password: string): Promise<boolean>;
  /** Whether it was made by weaker settings than those of today. */
  isOutdated(known: string): boolean;
}

export function createPasswords(): Passwords {
  const toCheck = createTurns(checkedAtOnce, checksWaiting);
  const toMake = createTurns(madeAtOnce, makingWaiting);
  /** What no password is, made once: verifying it takes as long as any. */
  let dummy: Promise<string> | undefined;
  const dummyHash = () => {
    dummy ??= hash("no password at all", settings);
    return dummy;
  };
  return {
    hash: (password) => toMake(() => hash(folded(password), settings)),
    verify: (known, password) =>
      toCheck(async () => {
        const isRight = await verify(known ?? (await dummyHash()), folded(password));
        return isRight && known !== undefined;
      }),
    isOutdated: (known) => !known.startsWith(current),
  };
}

/** The same password typed on another keyboard (RFC 8265, by compatibility). */
function folded(password: string): string {
  return password.normalize("NFKC");
}

/**
 * @param inputs what is known of who sets it, such as the e-mail address: no password is made of that
 * @throws Problem validation_failed naming `path`
 */
export async function requireStrong(
  password: string,
  path: string,
  inputs: readonly string[],
): Promise<void> {
  const check = await strengthCheck();
  const { score } = check(folded(password).slice(0, estimatedCharactersMax), [...inputs]);
  if (score >= scoreMin) return;
  const message = "too easy to guess: make it longer, or less common";
  throw new Problem("validation_failed", `${path}: ${message}`, { errors: [{ path, message }] });
}

type StrengthCheck = (password: string, inputs: string[]) => { score: number };

let loading: Promise<StrengthCheck> | undefined;

/** Loaded when the first password is set: the lists of common words hold some megabytes. */
function strengthCheck(): Promise<StrengthCheck> {
  loading ??= (async () => {
    const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs: graphs }] = await Promise.all([
      import("@zxcvbn-ts/core"),
      import("@zxcvbn-ts/language-common"),
    ]);
    const factory = new ZxcvbnFactory({ dictionary, graphs, l33tMaxSubstitutions });
    return (password: string, inputs: string[]) => factory.check(password, inputs);
  })();
  return loading;
}

/** Runs few at once; more wait, and beyond that are refused. */
function createTurns(atOnce: number, max: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (waiting.length >= max) throw new Problem("unavailable", "too many passwords are being checked");
      // Whoever ends hands its place on.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
