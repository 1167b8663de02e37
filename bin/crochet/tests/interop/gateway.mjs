// The gateway itself, as it is run in development, with a private database that is thrown away.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where PostgreSQL's user can go when the test runs as root. */
async function throwAwayFolder() {
  const folder = await mkdtemp(join(tmpdir(), "crochet-interop-"));
  await chmod(folder, 0o755);
  return folder;
}

/** Starts `program` on a port, known to the world as `publicUrl`. `atEnd` gets what ends it. */
export async function startGateway(program, { port, publicUrl, facilitatorUrl, rpcUrl, log, atEnd }) {
  const folder = await throwAwayFolder();
  atEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const env = {
    PATH: process.env.PATH,
    ...(process.env.PG_BIN_DIR && { PG_BIN_DIR: process.env.PG_BIN_DIR }),
    CROCHET_BIND: `127.0.0.1:${port}`,
    CROCHET_PUBLIC_URL: publicUrl,
    CROCHET_DATA_DIR: folder,
    CROCHET_RATE_LIMITS: "off",
    CROCHET_POW_DIFFICULTY_AUTH: "1",
    CROCHET_POW_DIFFICULTY_LISTING: "1",
    CROCHET_SWEEP_INTERVAL_MILLIS: "1000",
    CROCHET_X402_FACILITATOR_URLS: facilitatorUrl,
    CROCHET_X402_NETWORKS: "eip155:84532",
    CROCHET_X402_RPC_URLS: rpcUrl,
    CROCHET_X402_FINALITY_SECONDS: "5",
    CROCHET_X402_MAX_TIMEOUT_SECONDS: "60",
  };
  const child = spawn(program, ["serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit").then(([code, signal]) => code ?? signal);
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  const running = { pid: child.pid, port };
  running.stop = async () => {
    child.kill("SIGTERM");
    const insist = setTimeout(() => child.kill("SIGKILL"), 15_000);
    const code = await ended;
    clearTimeout(insist);
    return code;
  };
  atEnd(running.stop);
  /** What `crochet audit` says of the books, once the gateway has stopped. */
  running.audit = async () => {
    const audit = spawn(program, ["audit"], { env, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
    let text = "";
    for (const stream of [audit.stdout, audit.stderr]) stream.on("data", data => (text += data));
    const [code] = await once(audit, "close");
    return { code, text };
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/api/v1/ready`).catch(() => null);
    if (ready?.ok) return running;
    const code = await Promise.race([ended, new Promise(wake => setTimeout(wake, 100, "waiting"))]);
    const isLost = code !== "waiting" || Date.now() > deadline;
    if (isLost) throw new Error(`the gateway did not come up (${code}): see ${log}`);
  }
}
