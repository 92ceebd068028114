/** Checks of what a server allows its clients. */
import type { Check } from "./diagnosis.ts";
import { numberIn, type ServerFacts } from "./server_facts.ts";

const [MANY, TOO_MANY] = [0.8, 0.95];
/** Seconds of silence that a connection of worq, which pings every 10 s, may have when all is busy. */
const SILENCE = 30;
/** Bytes that may wait for a client: less would cut connections of pools that are only busy. */
const [HARD, SOFT] = [32 * 1024 ** 2, 8 * 1024 ** 2];
/** Milliseconds of a script after which others are refused; worq's scripts take a few. */
const PATIENCE = 500;

/** How many clients there are. */
export const clients: Check<ServerFacts> = {
  name: "clients",
  problems({ info }) {
    const [now, most] = [numberIn(info, "connected_clients"), numberIn(info, "maxclients")];
    if (now === undefined || most === undefined || now < MANY * most) return [];
    return [{
      level: now >= TOO_MANY * most ? "error" : "warning",
      text: `${now} of ${most} clients are connected`,
      why: "one more is refused, be it a pool that comes back; each process of worq has two",
      remedy: `CONFIG SET maxclients ${2 * most}, and the same in redis.conf`,
    }];
  },
  fine({ info }) {
    const most = info.get("maxclients");
    return most === undefined ? undefined : `${info.get("connected_clients")} of ${most}`;
  },
};

/** When the server ends a connection that is silent. */
export const timeout: Check<ServerFacts> = {
  name: "timeout",
  problems({ config }) {
    const seconds = Number(config.get("timeout") ?? 0);
    if (seconds === 0 || seconds >= SILENCE) return [];
    return [{
      level: "warning",
      text: `timeout is ${seconds} s`,
      why:
        "the server ends connections that are silent for so long, those of busy pools, too: calls " +
        "are sent again",
      remedy: "CONFIG SET timeout 0, and the same in redis.conf",
    }];
  },
  fine: ({ config }) => config.has("timeout") ? `timeout ${config.get("timeout")}` : undefined,
};

/** How much may wait for a client. */
export const buffers: Check<ServerFacts> = {
  name: "buffers",
  problems({ config }) {
    const limits = (config.get("client-output-buffer-limit") ?? "").split(/ (?=[a-z])/);
    return ["pubsub", "normal"].flatMap((kind) => {
      const limit = limits.find((one) => one.startsWith(`${kind} `));
      const [, hard = 0, soft = 0] = (limit ?? "").split(" ").map(Number);
      const isLow = (hard > 0 && hard < HARD) || (soft > 0 && soft < SOFT);
      if (!isLow) return [];
      const usual = kind === "pubsub" ? "pubsub 32mb 8mb 60" : "normal 0 0 0";
      return [{
        level: "warning" as const,
        text: `client-output-buffer-limit is ${limit}`,
        why: kind === "pubsub"
          ? "a caller that many results come to at once loses its connection, and asks for each again"
          : "a pool that gets many tasks at once loses its connection, and asks again, in vain",
        remedy: `CONFIG SET client-output-buffer-limit "${usual}", and the same in redis.conf`,
      }];
    });
  },
  fine: ({ config }) =>
    config.has("client-output-buffer-limit") ? "enough for many results at once" : undefined,
};

/** When the server answers that it is busy. */
export const patience: Check<ServerFacts> = {
  name: "patience",
  problems({ config }) {
    const limit = Number(config.get("lua-time-limit") ?? 0);
    if (limit <= 0 || limit >= PATIENCE) return [];
    return [{
      level: "warning",
      text: `busy-reply-threshold (lua-time-limit) is ${limit} ms`,
      why:
        "while a script takes longer, the server answers all others with BUSY: calls are sent again",
      remedy: "CONFIG SET lua-time-limit 5000, and the same in redis.conf",
    }];
  },
  fine: ({ config }) =>
    config.has("lua-time-limit") ? `BUSY after ${config.get("lua-time-limit")} ms` : undefined,
};
