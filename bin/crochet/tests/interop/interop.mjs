// Clients that know nothing of Crochet pay a listing, and what they paid is looked up on the chain.
//
//   node interop.mjs GATEWAY     the gateway's program; Python's clients are in .venv and .venv-v1

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { api, publish, register } from "./agent.mjs";
import { startChain } from "./chain/chain.mjs";
import { BASE_UNITS, check, checkBooks, checkFailure, PRICE } from "./checks.mjs";
import { CLIENTS, version } from "./clients.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { startGateway } from "./gateway.mjs";
import { atEnd, isInterrupted, stopAll } from "./lifetime.mjs";
import { freePort, here } from "./loopback.mjs";
import { startRecorder } from "./recorder.mjs";
import { startSeller } from "./seller.mjs";

const step = text => console.log(`\n-- ${text} (${Math.round(performance.now() / 1000)} s)`);

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
  atEnd(chain.stop);
  const facilitator = await startFacilitator(chain.submitter);
  atEnd(facilitator.stop);
  const work = await startSeller();
  atEnd(work.stop);
  const port = await freePort();
  const recorder = await startRecorder(() => port);
  atEnd(recorder.stop);
  const log = here("generated/gateway.log");
  const places = { publicUrl: recorder.url, facilitatorUrl: facilitator.url, rpcUrl: chain.url };
  const gateway = await startGateway(program, { port, log, atEnd, ...places });
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
  code = 1;
  // What breaks off because it was stopped is no finding.
  if (!isInterrupted) console.error(error);
}
if (!isInterrupted) {
  await stopAll();
  process.exit(code);
}
