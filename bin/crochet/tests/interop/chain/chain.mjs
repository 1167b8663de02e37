// A chain of this machine, with a token where Base Sepolia has its USDC.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import {
  createPublicClient, createWalletClient, encodeAbiParameters, http, keccak256, pad, parseAbi, parseEventLogs,
  publicActions, toHex,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { baseSepolia } from "viem/chains";

const require = createRequire(import.meta.url);
const here = name => fileURLToPath(new URL(name, import.meta.url));

export const USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
export const abi = parseAbi([
  "function balanceOf(address) view returns (uint256)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
  "event Transfer(address indexed from, address indexed to, uint256 value)",
  "event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)",
]);

/** Compiles the token: the code that runs, since nothing constructs it. */
function compile() {
  const solc = require("solc");
  const settings = { optimizer: { enabled: true }, outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } };
  const sources = { "token.sol": { content: readFileSync(here("token.sol"), "utf8") } };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
  if (output.errors?.length) throw new Error(output.errors.map(error => error.formattedMessage).join("\n"));
  return `0x${output.contracts["token.sol"].Token.evm.deployedBytecode.object}`;
}

/** Starts the chain on a free port. Money comes from nowhere but `fund`. */
export async function startChain() {
  process.env.HARDHAT_CONFIG = here("hardhat.config.cjs");
  process.env.HARDHAT_DISABLE_TELEMETRY_PROMPT = "true";
  const { run, network } = require("hardhat");
  const server = await run("node:create-server", { hostname: "127.0.0.1", port: 0, provider: network.provider });
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  const settings = { chain: baseSepolia, transport: http(url, { timeout: 10_000 }), pollingInterval: 200 };
  const reader = createPublicClient(settings);
  // The first account of hardhat's well-known phrase: it has ether for fees.
  const account = mnemonicToAccount("test test test test test test test test test test test junk");
  await network.provider.request({ method: "hardhat_setCode", params: [USDC, compile()] });
  return {
    url,
    reader,
    /** Whoever submits transactions and pays their fees. */
    submitter: createWalletClient({ account, ...settings }).extend(publicActions),
    /** Lets an address have so much of the token. */
    async fund(address, baseUnits) {
      const slot = keccak256(encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [address, 0n]));
      const value = pad(toHex(baseUnits), { size: 32 });
      await network.provider.request({ method: "hardhat_setStorageAt", params: [USDC, slot, value] });
    },
    balance: address => reader.readContract({ address: USDC, abi, functionName: "balanceOf", args: [address] }),
    /** Every transfer of the token since the chain began. */
    transfers: () => reader.getContractEvents({ address: USDC, abi, eventName: "Transfer", fromBlock: 0n }),
    /** What the token says in a transaction, and the transaction's outcome. */
    async receipt(hash) {
      const receipt = await reader.getTransactionReceipt({ hash });
      const logs = parseEventLogs({ abi, logs: receipt.logs.filter(log => log.address === USDC.toLowerCase()) });
      return { status: receipt.status, to: receipt.to, logs, logCount: receipt.logs.length };
    },
    /** Waits for so many more blocks. They come every second. */
    async blocks(count) {
      const latest = () => reader.getBlockNumber({ cacheTime: 0 });
      const until = (await latest()) + count;
      while ((await latest()) < until) await new Promise(wake => setTimeout(wake, 200));
    },
    stop: () => server.close(),
  };
}
