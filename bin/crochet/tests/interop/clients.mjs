// Who pays, and how each of them is run.

import { readFile } from "node:fs/promises";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { output } from "./lifetime.mjs";
import { here } from "./loopback.mjs";

/** What a payer has before it pays, in millionths of a dollar. */
export const FUNDS = 5_000_000n;

const python = (name, x402Version, script, more) =>
  ({ name: `x402 (Python, ${name})`, x402Version, venv: x402Version === 1 ? ".venv-v1" : ".venv", script, ...more });
export const CLIENTS = [
  { name: "@x402/fetch", x402Version: 2, script: "fetch.mjs" },
  { name: "@x402/axios", x402Version: 2, script: "axios.mjs" },
  { name: "x402-fetch", x402Version: 1, script: "fetch-v1.mjs" },
  python("httpx", 2, "httpx_client.py"),
  python("requests", 2, "requests_client.py"),
  python("requests, with a payment identifier", 2, "requests_identified_client.py", { isIdentified: true }),
  python("httpx", 1, "httpx_v1_client.py"),
];

const interpreter = client => (client.venv ? `${client.venv}/bin/python` : "node");

/** Which version of a client is installed. */
export async function version(client) {
  if (!client.venv) return JSON.parse(await readFile(here(`node_modules/${client.name}/package.json`), "utf8")).version;
  const script = "import importlib.metadata as m; print(m.version('x402'))";
  return (await output([interpreter(client), "-c", script], {})).trim();
}

/** Lets a client call the listing with a body of its own, from a wallet of its own. */
export async function play(client, stage) {
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
