// pow.ts: Node.js 18 or newer, standard library only.
import { createHash } from "node:crypto";

/** The pow_nonce: a text that makes sha256(challenge + pow_nonce) begin with so many zeros, in hexadecimal. */
export function solve(
  challenge: string,
  difficulty: number,
): string {
  const zeros = "0".repeat(difficulty);
  for (let candidate = 0; ; candidate += 1) {
    const hash = createHash("sha256").update(`${challenge}${candidate}`).digest("hex");
    if (hash.startsWith(zeros)) return String(candidate);
  }
}
