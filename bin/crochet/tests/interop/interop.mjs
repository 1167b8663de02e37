// Clients that know nothing of Crochet pay a listing, and what they paid is looked up on the chain.
//
//   node interop.mjs GATEWAY     the gateway's program; Python's clients are in .venv and .venv-v1

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { api, publish, recover, register } from "./agent.mjs";
import { startChain, USDC } from "./chain/chain.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { startGateway } from "./gateway.mjs";
import { freePort } from "./loopback.mjs";
import { forward, json, startRecorder } from "./recorder.mjs";
import { answerTo, startSeller } from "./seller.mjs";

const PRICE = 0.01;
const BASE_UNITS = 10_000n;
const MICROS = { gateway_payment: 10_000, marketplace_fee: 490, seller_credit: 9_510 };
const FUNDS = 5_000_000n;
/** How often, at once, a payment is sent again after it was delivered. */
const REPEATS = 5;
const CLIENT_SECONDS = 90;

const here = path => fileURLToPath(new URL(path, import.meta.url));
const python = (name, x402Version, script, more) =>
  ({ name: `x402 (Python, ${name})`, x402Version, venv: x402Version === 1 ? ".venv-v1" : ".venv", script, ...more });
const CLIENTS = [
  { name: "@x402/fetch", x402Version: 2, script: "fetch.mjs" },
  { name: "@x402/axios", x402Version: 2, script: "axios.mjs" },
  { name: "x402-fetch", x402Version: 1, script: "fetch-v1.mjs" },
  python("httpx", 2, "httpx_client.py"),
  python("requests", 2, "requests_client.py"),
  python("requests, with a payment identifier", 2, "requests_identified_client.py", { isIdentified: true }),
  python("httpx", 1, "httpx_v1_client.py"),
];
const WIRE = {
  1: { payment: "x-payment", receipt: "x-payment-response", network: "base-sepolia" },
  2: { payment: "payment-signature", receipt: "payment-response", network: "eip155:84532" },
};

const interpreter = client => (client.venv ? `${client.venv}/bin/python` : "node");
const step = text => console.log(`\n-- ${text} (${Math.round(performance.now() / 1000)} s)`);
const decoded = header => JSON.parse(Buffer.from(header, "base64").toString("utf8"));
const same = (address, other) => address.toLowerCase() === other.toLowerCase();

/** What runs, to be stopped in the opposite order; and who is asked when the test is interrupted. */
const world = [];
const children = new Set();
async function stopAll() {
  for (const child of children) child.kill("SIGKILL");
  while (world.length > 0) await world.pop()();
}
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
  process.once(signal, () => void stopAll().finally(() => process.exit(code)));
}

/** Which version of a client is installed. */
async function version(client) {
  if (!client.venv) return JSON.parse(await readFile(here(`node_modules/${client.name}/package.json`), "utf8")).version;
  const script = "import importlib.metadata as m; print(m.version('x402'))";
  return (await output([interpreter(client), "-c", script], {})).trim();
}

/** Runs a program here, with nothing in its environment but what it is given, and reads what it writes. */
async function output([program, ...args], env) {
  const child = spawn(program, args, {
    cwd: here("."),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: CLIENT_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  children.add(child);
  let [out, err] = ["", ""];
  child.stdout.on("data", data => (out += data));
  child.stderr.on("data", data => (err += data));
  const [code, signal] = await once(child, "close");
  children.delete(child);
  assert.equal(code, 0, `${program} ${args[0]} ended with ${code ?? signal}:\n${out}${err}`);
  return out;
}

/** Lets a client call the listing with a body of its own, from a wallet of its own. */
async function play(client, stage) {
  const key = generatePrivateKey();
  const payer = privateKeyToAccount(key);
  const asked = { task: "signal", pair: "SOL/USDC", "asked by": `${client.name}, v${client.x402Version}` };
  await stage.chain.fund(payer.address, FUNDS);
  const from = stage.recorder.calls.length;
  const env = { PAYER_KEY: key, LISTING_URL: stage.listingUrl, BODY: JSON.stringify(asked) };
  const lines = (await output([interpreter(client), `clients/${client.script}`], env)).trim().split("\n");
  const { status, answer, receipt } = JSON.parse(lines.at(-1));
  return { payer, asked, status, answer, receipt, calls: stage.recorder.calls.slice(from) };
}

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
async function check(client, stage) {
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
async function checkFailure(client, stage) {
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
async function checkBooks(stage, outcomes) {
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

/** Rows, in columns as wide as they have to be. */
function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)));
  console.log();
  for (const row of rows) console.log(row.map((text, column) => text.padEnd(widths[column])).join("  ").trimEnd());
}

async function main(program) {
  await mkdir(here("generated"), { recursive: true });
  step("a chain, a facilitator, a seller, a gateway");
  const chain = await startChain();
  world.push(chain.stop);
  const facilitator = await startFacilitator(chain.submitter);
  world.push(facilitator.stop);
  const work = await startSeller();
  world.push(work.stop);
  const port = await freePort();
  const recorder = await startRecorder(() => port);
  world.push(recorder.stop);
  const log = here("generated/gateway.log");
  const places = { publicUrl: recorder.url, facilitatorUrl: facilitator.url, rpcUrl: chain.url };
  const gateway = await startGateway(program, { port, log, ...places });
  world.push(gateway.cleanUp, gateway.stop);
  const call = api(`http://127.0.0.1:${port}`);
  const seller = privateKeyToAccount(generatePrivateKey());
  const sellerKey = await register(call, seller, "interop-seller");
  const listing = await publish(call, sellerKey, work.url, PRICE);
  const listingUrl = `${recorder.url}/api/v1/gateway/${listing.id}`;
  const stage = { chain, facilitator, work, recorder, gateway, call, seller, sellerKey, listingUrl };
  console.log(`${listingUrl} at $${PRICE}, paid to ${seller.address}`);

  const outcomes = [];
  const table = [];
  for (const client of CLIENTS) {
    const name = `${client.name} ${await version(client)}`;
    step(name);
    const outcome = await check(client, stage);
    outcomes.push(outcome);
    const paid = `${BASE_UNITS} units, once`;
    table.push([name, `v${client.x402Version}`, "200", paid, outcome.repeated, outcome.transaction.slice(0, 10)]);
    console.log(`paid ${PRICE} once in ${outcome.transaction}; the same again: ${outcome.repeated}, nothing moved`);
  }
  step("a seller that fails after payment");
  outcomes.push(await checkFailure(CLIENTS[0], stage));
  console.log("502 with a receipt, then delivered for the same payment");

  step("the books");
  const moved = await checkBooks(stage, outcomes);
  console.log(`${outcomes.length} payments, ${moved} units on the chain and in the ledger`);
  assert.equal(await gateway.stop(), 0, "how the gateway ended");
  const audit = await gateway.audit();
  assert.equal(audit.code, 0, audit.text);
  console.log(audit.text.trim());
  const faults = (await readFile(log, "utf8")).split("\n").filter(line => /ERROR|panicked/.test(line));
  assert.deepEqual(faults, [], "faults in the gateway's log");
  print([["client", "x402", "answer", "paid on the chain", "the same payment again", "transaction"], ...table]);
}

let code = 0;
try {
  await main(process.argv[2] ?? "crochet");
} catch (error) {
  console.error(error);
  code = 1;
}
await stopAll();
process.exit(code);
