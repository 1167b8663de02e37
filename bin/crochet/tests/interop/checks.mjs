// What has to be so: on the wire, on the chain, at the seller, in the books.

import assert from "node:assert/strict";
import { recover } from "./agent.mjs";
import { USDC } from "./chain/chain.mjs";
import { FUNDS, play } from "./clients.mjs";
import { forward, json } from "./recorder.mjs";
import { answerTo } from "./seller.mjs";

/** In dollars. */
export const PRICE = 0.01;
/** The same on the chain. */
export const BASE_UNITS = 10_000n;
/** The same in the books, in millionths of a dollar: the marketplace has 4.9 %. */
const MICROS = { gateway_payment: 10_000, marketplace_fee: 490, seller_credit: 9_510 };
/** How often, at once, a payment is sent again after it was delivered. */
const REPEATS = 5;
const WIRE = {
  1: { payment: "x-payment", receipt: "x-payment-response", network: "base-sepolia" },
  2: { payment: "payment-signature", receipt: "payment-response", network: "eip155:84532" },
};

const decoded = header => JSON.parse(Buffer.from(header, "base64").toString("utf8"));
const same = (address, other) => address.toLowerCase() === other.toLowerCase();

/** It asked, was asked to pay, and paid: two requests, without a word of ours. */
function checkWire(client, { calls, receipt }) {
  const wire = WIRE[client.x402Version];
  assert.deepEqual(calls.map(call => call.status), [402, 200], "the answers on the wire");
  const [first, second] = calls;
  for (const { headers } of calls) {
    const ours = Object.keys(headers).filter(name => name === "authorization" || name.startsWith("x-crochet-"));
    assert.deepEqual(ours, [], "headers that no stranger would send");
  }
  const payments = ({ headers }) => ["payment-signature", "x-payment"].filter(name => headers[name] !== undefined);
  assert.deepEqual(payments(first), []);
  assert.deepEqual(payments(second), [wire.payment]);
  assert.equal(second.answerHeaders[wire.receipt], receipt, "the receipt on the wire");
  return second;
}

/** The receipt names a transaction in which exactly the price went from the payer to the seller, and nothing else. */
async function checkChain(client, stage, { payer, receipt }) {
  const said = decoded(receipt);
  assert.equal(said.success, true);
  assert.equal(said.network, WIRE[client.x402Version].network);
  assert.ok(same(said.payer, payer.address), "the payer of the receipt");
  const seen = await stage.chain.receipt(said.transaction);
  assert.equal(seen.status, "success");
  assert.ok(same(seen.to, USDC));
  assert.deepEqual(seen.logs.map(log => log.eventName), ["AuthorizationUsed", "Transfer"]);
  assert.equal(seen.logCount, 2, "logs of the transaction");
  const { from, to, value } = seen.logs[1].args;
  assert.ok(same(from, payer.address) && same(to, stage.seller.address), `from ${from} to ${to}`);
  assert.equal(value, BASE_UNITS);
  assert.equal(await stage.chain.balance(payer.address), FUNDS - BASE_UNITS, "what the payer has left");
  assert.equal(await stage.chain.reader.getBalance({ address: payer.address }), 0n, "the payer needs no ether");
  return said.transaction;
}

/** The same payment, several times at once: it is no other payment, and no other call. */
async function checkRepeats(client, stage, paid, { asked }) {
  const counts = async () => ({
    transfers: (await stage.chain.transfers()).length,
    settlements: stage.facilitator.settled.length,
    runs: stage.work.runs.length,
  });
  const before = await counts();
  const answers = await Promise.all(Array.from({ length: REPEATS }, () => forward(stage.gateway.port, paid)));
  for (const repeat of answers) {
    const { data, error } = json(repeat);
    if (client.isIdentified) {
      assert.equal(repeat.status, 200, JSON.stringify(error));
      assert.equal(data.replayed, true);
      assert.deepEqual(data.seller_response, answerTo(asked));
    } else {
      // Nothing opens the sealed response again; it is not to be paid again either.
      assert.equal(repeat.status, 409, JSON.stringify(error ?? data));
      assert.equal(error.code, "RESPONSE_NO_LONGER_AVAILABLE");
    }
    const receipt = repeat.headers[WIRE[client.x402Version].receipt];
    assert.equal(decoded(receipt).success, true, "the receipt of a repeated payment");
  }
  // What would move money has moved it two blocks later.
  await stage.chain.blocks(2n);
  assert.deepEqual(await counts(), before, "what repeats have moved");
  return client.isIdentified ? "200, the same response" : "409, no response";
}

/** Who has paid is the owner of a profile, and of the payment in its ledger. */
async function checkPayer(stage, { payer }) {
  const key = await recover(stage.call, payer);
  const { data } = await stage.call("GET", "/ledger", { key });
  assert.deepEqual(data.map(entry => [entry.type, entry.amount_micros]), [["gateway_payment", MICROS.gateway_payment]]);
  const history = (await stage.call("GET", "/gateway-requests?role=buyer", { key })).data;
  assert.deepEqual(history.map(call => call.status), ["delivered"]);
  return data[0];
}

/** One client, from its first request to the books. */
export async function check(client, stage) {
  const runs = stage.work.runs.length;
  const settled = stage.facilitator.settled.length;
  const played = await play(client, stage);
  const { status, answer, asked } = played;
  assert.equal(status, 200, JSON.stringify(answer));
  assert.deepEqual(answer.data.seller_response, answerTo(asked));
  assert.equal(stage.work.runs.length, runs + 1, "runs of the seller");
  assert.deepEqual(stage.facilitator.settled.slice(settled).map(one => one.x402Version), [client.x402Version]);
  const paid = checkWire(client, played);
  const transaction = await checkChain(client, stage, played);
  const repeated = await checkRepeats(client, stage, paid, played);
  const payment = await checkPayer(stage, played);
  return { transaction, repeated, payment };
}

/** The seller fails after it was paid; the very same request is delivered then, and costs nothing more. */
export async function checkFailure(client, stage) {
  stage.work.failNext(1);
  const transfers = (await stage.chain.transfers()).length;
  const { payer, asked, status, answer, receipt, calls } = await play(client, stage);
  assert.equal(status, 502, JSON.stringify(answer));
  assert.equal(answer.error.code, "SELLER_ERROR");
  assert.equal(decoded(receipt).success, true, "the receipt beside the failure");
  let again;
  for (let turn = 0; turn < 20; turn += 1) {
    again = await forward(stage.gateway.port, calls[1]);
    if (again.status !== 502 && again.status !== 202) break;
    await new Promise(wake => setTimeout(wake, 1000 * Number(again.headers["retry-after"] ?? 1)));
  }
  assert.equal(again.status, 200, JSON.stringify(json(again)));
  assert.deepEqual(json(again).data.seller_response, answerTo(asked));
  assert.equal(decoded(again.headers["payment-response"]).transaction, decoded(receipt).transaction);
  assert.equal((await stage.chain.transfers()).length, transfers + 1, "transfers of a call that failed first");
  assert.equal(await stage.chain.balance(payer.address), FUNDS - BASE_UNITS);
  return { transaction: decoded(receipt).transaction, payment: await checkPayer(stage, { payer }) };
}

/** The ledger says of each payment what the chain says, and nothing besides. */
export async function checkBooks(stage, outcomes) {
  const transfers = await stage.chain.transfers();
  const paid = outcomes.map(outcome => outcome.transaction).sort();
  assert.deepEqual(transfers.map(log => log.transactionHash).sort(), paid, "transfers on the chain and receipts");
  const moved = transfers.reduce((sum, log) => sum + log.args.value, 0n);
  assert.equal(await stage.chain.balance(stage.seller.address), moved);
  const sellers = (await stage.call("GET", "/ledger?limit=100", { key: stage.sellerKey })).data;
  const entries = [...sellers, ...outcomes.map(outcome => outcome.payment)];
  assert.equal(entries.length, 3 * outcomes.length, "ledger entries");
  for (const { payment } of outcomes) {
    const ofIt = entries.filter(entry => entry.settlement_id === payment.settlement_id);
    assert.deepEqual(Object.fromEntries(ofIt.map(entry => [entry.type, entry.amount_micros])), MICROS);
    for (const entry of ofIt) assert.equal(entry.fee_status, "accrued");
  }
  const sum = type => entries.filter(entry => entry.type === type).reduce((all, entry) => all + entry.amount_micros, 0);
  assert.equal(BigInt(sum("gateway_payment")), moved, "the ledger's payments and the chain's");
  assert.equal(BigInt(sum("marketplace_fee") + sum("seller_credit")), moved, "fees and credits");
  assert.equal(stage.work.runs.length, outcomes.length, "runs of the seller");
  assert.equal(stage.work.strangers.length, 0, "requests that came past the gateway");
  return moved;
}
