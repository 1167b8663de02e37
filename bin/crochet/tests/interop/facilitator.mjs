// A facilitator of the official packages, v2 and v1, on loopback.

import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { listen, readBody } from "./loopback.mjs";

/** Starts it; `submitter` signs its transactions. `settled` has what it was asked to settle, in order. */
export async function startFacilitator(submitter) {
  const client = { ...submitter, address: submitter.account.address };
  const signer = toFacilitatorEvmSigner(client, { confirmationTimeoutMs: 20_000 });
  const facilitator = new x402Facilitator()
    .register("eip155:84532", new ExactEvmScheme(signer))
    .registerV1("base-sepolia", new ExactEvmSchemeV1(signer));
  const settled = [];
  const server = await listen(async (request, response) => {
    const answer = (status, value) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    try {
      if (request.method === "GET" && request.url === "/supported") return answer(200, facilitator.getSupported());
      const { paymentPayload, paymentRequirements } = JSON.parse(await readBody(request));
      if (request.url === "/verify") return answer(200, await facilitator.verify(paymentPayload, paymentRequirements));
      if (request.url === "/settle") {
        const outcome = await facilitator.settle(paymentPayload, paymentRequirements);
        settled.push({ x402Version: paymentPayload.x402Version, outcome });
        return answer(200, outcome);
      }
      return answer(404, { error: "not found" });
    } catch (error) {
      console.error("facilitator:", error);
      return answer(500, { error: String(error) });
    }
  });
  return { ...server, settled };
}
