// verify.ts: Node.js 18 or newer, standard library only.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

type RequestHeaders = Record<string, string | string[] | undefined>;

const TOLERANCE_MS = 300_000;

/** Both are compared as hashes of the same length, so that neither content nor length shows in the time it takes. */
function isSame(
  one: string,
  other: string,
): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/**
 * Whether a request came through Crochet, for this very body, within five minutes.
 *
 * secrets: the whole whsec_... texts that you accept: one, or two while you rotate.
 * headers: as in IncomingMessage.headers. body: the raw bytes, before any parsing.
 */
export function isFromCrochet(
  secrets: string[],
  headers: RequestHeaders,
  body: Uint8Array,
  now: number = Date.now(),
): boolean {
  const header = (name: string) => [headers[name]].flat()[0] ?? "";
  const timestamp = header("x-crochet-timestamp");
  const requestId = header("x-crochet-request-id");
  const listingId = header("x-crochet-listing-id");
  const bodySha256 = header("x-crochet-body-sha256");
  // A point inside an id could move what is signed from one part to its neighbour.
  if (!requestId || !listingId || requestId.includes(".") || listingId.includes(".")) return false;

  const payload = `${timestamp}.${requestId}.${listingId}.${bodySha256}`;
  const sent = [header("x-crochet-signature"), header("x-crochet-signature-next")];
  let isSigned = false;
  for (const secret of secrets) {
    const expected = createHmac("sha256", secret).update(payload).digest("hex");
    for (const signature of sent) isSigned = isSame(expected, signature) || isSigned;
  }
  if (!isSigned) return false;
  if (!isSame(createHash("sha256").update(body).digest("hex"), bodySha256)) return false;

  const signedAt = Date.parse(timestamp);
  return Number.isFinite(signedAt) && Math.abs(now - signedAt) <= TOLERANCE_MS;
}
