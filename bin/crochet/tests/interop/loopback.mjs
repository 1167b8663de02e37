// HTTP servers on free ports of this machine; and its files.

import { createServer } from "node:http";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A file of this test. */
export const here = path => fileURLToPath(new URL(path, import.meta.url));

/** Serves until it is stopped. */
export async function listen(handler) {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => new Promise(done => {
    server.close(done);
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

/** A body that came, as text. */
export async function readBody(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** A port that is free now. */
export async function freePort() {
  const { url, stop } = await listen(() => {});
  await stop();
  return Number(new URL(url).port);
}
