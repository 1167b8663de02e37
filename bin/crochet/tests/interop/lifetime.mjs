// What was started ends with the test, however that ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { here } from "./loopback.mjs";

/** The longest that a client may take. */
const CLIENT_SECONDS = 90;

/** What stops all that runs here. */
const stops = [];
/** Clients that run. */
const children = new Set();
/** Whether the test was told to end. */
export let isInterrupted = false;

/** Has something stopped in the end; at once where that has come. */
export function atEnd(stop) {
  if (isInterrupted) void stop();
  assert.ok(!isInterrupted, "interrupted");
  stops.push(stop);
}

/** Stops everything, the last thing first. */
export async function stopAll() {
  for (const child of children) child.kill("SIGKILL");
  while (stops.length > 0) await stops.pop()();
}
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
  process.once(signal, () => {
    isInterrupted = true;
    void stopAll().finally(() => process.exit(code));
  });
}

/** Runs a program here, with nothing in its environment but what it is given, and reads what it writes. */
export async function output([program, ...args], env) {
  assert.ok(!isInterrupted, "interrupted");
  const child = spawn(program, args, {
    cwd: here("."),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: CLIENT_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  children.add(child);
  let [out, err] = ["", ""];
  child.stdout.on("data", data => (out += data));
  child.stderr.on("data", data => (err += data));
  const [code, signal] = await once(child, "close");
  children.delete(child);
  assert.equal(code, 0, `${program} ${args[0]} ended with ${code ?? signal}:\n${out}${err}`);
  return out;
}
