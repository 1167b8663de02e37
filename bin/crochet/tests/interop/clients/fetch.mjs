// @x402/fetch, as its README has it.
import { wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { ExactEvmScheme } from "@x402/evm";
import { privateKeyToAccount } from "viem/accounts";
import { body, report, url } from "./common.mjs";

const account = privateKeyToAccount(process.env.PAYER_KEY);
const pay = wrapFetchWithPaymentFromConfig(fetch, {
  schemes: [{ network: "eip155:*", client: new ExactEvmScheme(account) }],
});
const response = await pay(url, { method: "POST", headers: { "content-type": "application/json" }, body });
report(response.status, await response.json(), response.headers.get("PAYMENT-RESPONSE"));
