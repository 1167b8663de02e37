// Stands before the gateway as a proxy would, passes everything on as it is, and remembers it.

import { request as send } from "node:http";
import { buffer } from "node:stream/consumers";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { listen } from "./loopback.mjs";

/** Starts it; what comes goes to the port that `target()` names. `calls` has every exchange, in order. */
export async function startRecorder(target) {
  const calls = [];
  const server = await listen(async (request, response) => {
    const call = { method: request.method, path: request.url, headers: request.headers, body: await buffer(request) };
    calls.push(call);
    try {
      const answer = await forward(target(), call, request.rawHeaders);
      Object.assign(call, { status: answer.status, answerHeaders: answer.headers, answer: answer.body });
      response.writeHead(answer.status, answer.rawHeaders);
      response.end(answer.body);
    } catch (error) {
      console.error("recorder:", error.message);
      response.destroy();
    }
  });
  return { ...server, calls };
}

/** Sends a recorded request, header by header as it came, and reads the answer. */
export function forward(port, call, rawHeaders = Object.entries(call.headers).flat()) {
  return new Promise((resolve, reject) => {
    const { method, path } = call;
    const options = { host: "127.0.0.1", port, method, path, headers: rawHeaders, timeout: 60_000 };
    const request = send(options, async answer => {
      try {
        const { statusCode: status, headers } = answer;
        resolve({ status, headers, rawHeaders: answer.rawHeaders, body: await buffer(answer) });
      } catch (error) {
        reject(error);
      }
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 60 s")));
    request.on("error", reject);
    request.end(call.body);
  });
}

const CODINGS = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync };

/** The JSON of an answer, which comes in whatever coding the client takes. */
export function json({ headers, body }) {
  const decompress = CODINGS[headers["content-encoding"]] ?? (bytes => bytes);
  return JSON.parse(decompress(body).toString("utf8"));
}
