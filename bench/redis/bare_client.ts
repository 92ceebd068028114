/** The bare pipeline's way to Redis: the client that worq uses, and nothing around it. */
import { createClient } from "@redis/client";

/** One connection for scripts, and one that listens. */
export interface BareClient {
  /** Loads a script, and gives what calls it. */
  script(text: string): Promise<(...args: string[]) => Promise<unknown>>;
  /** Sends one command. */
  send(...command: string[]): Promise<unknown>;
  /** Calls `hear` with each message of a channel. */
  listen(channel: string, hear: (message: string) => void): Promise<void>;
}

/** Connects to the server at `url`. */
export async function openBareClient(url: string): Promise<BareClient> {
  const client = createClient({ url });
  const listener = client.duplicate();
  for (const each of [client, listener]) {
    each.on("error", console.error);
    await each.connect();
  }
  const send = (...command: string[]) => client.sendCommand(command);
  return {
    send,
    async script(text) {
      const sha = String(await send("SCRIPT", "LOAD", text));
      return (...args) => send("EVALSHA", sha, "0", ...args);
    },
    listen: (channel, hear) => listener.subscribe(channel, hear),
  };
}
