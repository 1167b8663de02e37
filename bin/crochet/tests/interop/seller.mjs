// A seller: counts for which of the gateway's requests it worked.

import { listen, readBody } from "./loopback.mjs";

/** Starts it. `runs` has the id of each request that it worked for; `failNext` lets it answer 500 that often. */
export async function startSeller() {
  const runs = [];
  const strangers = [];
  let failures = 0;
  const server = await listen(async (request, response) => {
    const asked = JSON.parse(await readBody(request));
    const id = request.headers["x-crochet-request-id"];
    const answer = (status, value) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (!id || !request.headers["x-crochet-signature"]) {
      strangers.push(request.headers);
      return answer(401, { error: "not signed" });
    }
    if (failures > 0) {
      failures -= 1;
      return answer(500, { error: "played failure" });
    }
    runs.push(id);
    return answer(200, answerTo(asked));
  });
  return { ...server, url: `${server.url}/private`, runs, strangers, failNext: times => (failures = times) };
}

/** The seller's work. */
export const answerTo = asked => ({ signal: "buy", asked });
