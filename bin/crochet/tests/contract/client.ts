// An agent in TypeScript, on types and paths that were generated from the OpenAPI document: browse, call, pay, retry,
// and look the call up. Fails at the first answer that is not as the types and the documentation say.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

function given(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const baseUrl = given("URL");
const slug = given("LISTING");
const api = createClient<paths>({
  baseUrl,
  headers: { Authorization: `Bearer ${given("KEY")}` },
  // Several values of a filter stand behind one name, as the document says: `status=settled,delivered`.
  querySerializer: { array: { style: "form", explode: false } },
});

const me = await api.GET("/api/v1/me");
assert.ok(me.data, JSON.stringify(me.error));
const profile: components["schemas"]["Profile"] = me.data.data.profile;
console.log(`I am ${profile.display_name}.`);

const found = await api.GET("/api/v1/listings", { params: { query: { q: "signals", limit: 5 } } });
assert.ok(found.data && found.data.data.length > 0, "the listing is found");
const listing = await api.GET("/api/v1/listings/{id}", { params: { path: { id: slug } } });
assert.ok(listing.data, JSON.stringify(listing.error));
assert.equal(listing.data.data.pricing_model, "per_call");

// A body is a seller's business: any JSON.
const body = { task: "signal", pair: "SOL/USDC" };
const path = { listing: slug };
const first = await api.POST("/api/v1/gateway/{listing}", { params: { path }, body });
assert.equal(first.response.status, 402);
assert.ok(first.error && "data" in first.error && first.error.error.code === "PAYMENT_REQUIRED");
const terms = first.error.data as components["schemas"]["PaymentRequired"];
assert.equal(terms.amount_micros, 10_000);
console.log(`It costs ${terms.amount} ${terms.currency}.`);

const paid = await api.POST("/api/v1/mock-provider/payments/{relay_request_id}/pay", {
  params: { path: { relay_request_id: terms.relay_request_id } },
  body: { outcome: "success" },
});
assert.ok(paid.data, JSON.stringify(paid.error));

const header = { "X-Crochet-Relay-Request-Id": terms.relay_request_id };
let answer = await api.POST("/api/v1/gateway/{listing}", { params: { path, header }, body });
for (let retries = 0; answer.response.status === 202 && retries < 30; retries++) {
  const seconds = Number(answer.response.headers.get("retry-after") ?? "1");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  answer = await api.POST("/api/v1/gateway/{listing}", { params: { path, header }, body });
}
assert.ok(answer.data && answer.data.data.status === "delivered", JSON.stringify(answer.error));
assert.equal(answer.data.data.payment?.amount, terms.amount);
console.log(`The seller answered ${JSON.stringify(answer.data.data.seller_response)}.`);

const calls = await api.GET("/api/v1/gateway-requests", { params: { query: { role: "buyer", status: ["settled", "delivered"] } } });
assert.ok(calls.data?.data.some((call) => call.relay_request_id === terms.relay_request_id), "the call is in the history");
const entries = await api.GET("/api/v1/ledger", { params: { query: { type: ["gateway_payment"] } } });
assert.ok(entries.data?.data.some((entry) => entry.relay_request_id === terms.relay_request_id), "and in the ledger");

const missing = await api.GET("/api/v1/listings/{id}", { params: { path: { id: "no-such-listing" } } });
assert.equal(missing.error?.error.code, "NOT_FOUND");
assert.equal(missing.error?.error.recovery?.next_action, "fix_request");
console.log("Every answer was of its type.");
