// Accounts, as an agent without any of our code has them: proofs of work, signatures, HTTP.

import { createHash } from "node:crypto";

/** Talks to the API at `url`. */
export const api = url => async (method, path, { key, body } = {}) => {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...(key && { authorization: `Bearer ${key}` }), ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
};

/** Leading zeros of the hexadecimal SHA-256 of challenge and nonce. */
function work(challenge, difficulty) {
  for (let nonce = 0; ; nonce += 1) {
    const hash = createHash("sha256").update(`${challenge}${nonce}`).digest("hex");
    if (hash.startsWith("0".repeat(difficulty))) return String(nonce);
  }
}

async function proof(call, account, purpose) {
  const { data } = await call("POST", "/auth/challenge", { body: { wallet_address: account.address, purpose } });
  return {
    wallet_address: account.address,
    signature: await account.signMessage({ message: data.message }),
    nonce: data.nonce,
    pow_nonce: work(data.pow.challenge, data.pow.difficulty),
  };
}

/** A new profile's API key. */
export async function register(call, account, name) {
  const body = { ...(await proof(call, account, "register")), display_name: name };
  return (await call("POST", "/register", { body })).data.api_key;
}

/** An API key of the profile that a wallet has already. */
export async function recover(call, account) {
  return (await call("POST", "/auth/recover", { body: await proof(call, account, "recover") })).data.api_key;
}

/** Lists what is behind `endpoint` at a price in dollars. */
export async function publish(call, key, endpoint, price) {
  const { data } = await call("POST", "/listings/challenge", { key });
  const listing = {
    name: "Signals for every payer",
    description: "Answers one trading signal for each paid call, whoever's client pays for it.",
    pricing_model: "per_call",
    pricing_amount: price,
    pricing_currency: "USD",
    delivery_type: "api",
    formats: ["json"],
    tags: ["signals"],
    private_endpoint_url: endpoint,
    pow_nonce: work(data.challenge, data.difficulty),
  };
  return (await call("POST", "/listings", { key, body: listing })).data;
}
