/** bee-queue: its settings for the server at a URL. */
import Bee from "bee-queue";
import type { Payload } from "../protocol.ts";

/** A queue, connected; with `settings` for what it is for. */
export async function openBee(
  url: string,
  name: string,
  settings: Bee.QueueSettings,
): Promise<Bee<Payload>> {
  const { hostname: host, port } = new URL(url);
  const queue = new Bee<Payload>(name, { redis: { host, port: Number(port) }, ...settings });
  queue.on("error", console.error);
  return await queue.ready();
}
