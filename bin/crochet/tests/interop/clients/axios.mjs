// @x402/axios, as its README has it.
import axios from "axios";
import { wrapAxiosWithPaymentFromConfig } from "@x402/axios";
import { ExactEvmScheme } from "@x402/evm";
import { privateKeyToAccount } from "viem/accounts";
import { body, report, url } from "./common.mjs";

const account = privateKeyToAccount(process.env.PAYER_KEY);
const client = wrapAxiosWithPaymentFromConfig(axios.create(), {
  schemes: [{ network: "eip155:*", client: new ExactEvmScheme(account) }],
});
const response = await client.post(url, JSON.parse(body));
report(response.status, response.data, response.headers["payment-response"]);
