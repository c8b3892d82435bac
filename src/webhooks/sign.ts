import { createHmac, hkdfSync } from "node:crypto";

const secretBytes = 32;
/** Until then what is sent is signed with the secret of before as well, so that nobody has to be there at once. */
const oldSecretMs = 24 * 3_600_000;

/** How often an endpoint's secret was made anew, and when last, in epoch milliseconds. */
export interface Rotation {
  rotation: number;
  rotatedAt?: number;
}

/**
 * An endpoint's secret, in the form of Standard Webhooks. It is made of the shop's, so that none has to be kept.
 * @param secret the shop's
 */
export function endpointSecret(secret: string, endpointId: string, rotation: number): string {
  const use = `cartwright webhook ${endpointId} ${rotation}`;
  return `whsec_${Buffer.from(hkdfSync("sha256", secret, "", use, secretBytes)).toString("base64")}`;
}

/** The secrets that are good at a time, the newest first. */
export function goodSecrets(
  secret: string,
  endpointId: string,
  { rotation, rotatedAt = 0 }: Rotation,
  now: number,
): string[] {
  const newest = endpointSecret(secret, endpointId, rotation);
  if (rotation === 0 || now >= rotatedAt + oldSecretMs) return [newest];
  return [newest, endpointSecret(secret, endpointId, rotation - 1)];
}

/** The headers by which a receiver knows a message (https://www.standardwebhooks.com). `now` is in epoch milliseconds. */
export function signedHeaders(
  message: { id: string; body: string },
  secrets: readonly string[],
  now: number,
): Record<string, string> {
  const seconds = Math.floor(now / 1_000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const text = `${message.id}.${seconds}.${message.body}`;
    return `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
  });
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": signatures.join(" "),
  };
}
