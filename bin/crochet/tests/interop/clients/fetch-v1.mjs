// x402-fetch (v1), as its README has it.
import { createSigner, wrapFetchWithPayment } from "x402-fetch";
import { body, report, url } from "./common.mjs";

const signer = await createSigner("base-sepolia", process.env.PAYER_KEY);
const pay = wrapFetchWithPayment(fetch, signer);
const response = await pay(url, { method: "POST", headers: { "content-type": "application/json" }, body });
report(response.status, await response.json(), response.headers.get("X-PAYMENT-RESPONSE"));
