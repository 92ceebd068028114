/** Checks of a server's speed and clock. */
import type { Check } from "./diagnosis.ts";
import type { ServerFacts } from "./server_facts.ts";

/** Milliseconds of a round trip that are slow: half of them, and any of them. */
const [SLOW_HALF, SLOW_ONE] = [20, 1_000];
/** Milliseconds of a script that are worth telling, and that hold up everybody. */
const [SLOW_SCRIPT, VERY_SLOW_SCRIPT] = [50, 250];
/** Milliseconds that clocks may differ by. */
const [DIFFERENT, VERY_DIFFERENT] = [1_000, 5_000];

/** How long a round trip takes. */
export const latency: Check<ServerFacts> = {
  name: "latency",
  problems(facts) {
    const { half, most } = tripsOf(facts);
    if (half < SLOW_HALF && most < SLOW_ONE) return [];
    return [{
      level: "warning",
      text: `round trips take ${shown(half)}, the longest ${shown(most)}`,
      why: "every call is one, and each step of a pool: short tasks wait for the way",
      remedy: half < SLOW_HALF
        ? "something holds up the server now and then: SLOWLOG GET, LATENCY DOCTOR"
        : "run pools near the server, give them more --concurrency, and make calls in one tick",
    }];
  },
  fine(facts) {
    const { half, most } = tripsOf(facts);
    return `round trips of ${shown(half)}, the longest ${shown(most)}`;
  },
};

function tripsOf({ trips }: ServerFacts): { half: number; most: number } {
  return { half: trips[Math.floor(trips.length / 2)] ?? 0, most: trips.at(-1) ?? 0 };
}

function shown(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

/** Scripts of worq that took long. */
export const scripts: Check<ServerFacts> = {
  name: "scripts",
  problems({ slow }) {
    const found = slow.filter(({ milliseconds }) => milliseconds >= SLOW_SCRIPT);
    const [slowest] = found.toSorted((a, b) => b.milliseconds - a.milliseconds);
    if (slowest === undefined) return [];
    return [{
      level: slowest.milliseconds >= VERY_SLOW_SCRIPT ? "warning" : "note",
      text: `${found.length} of worq's scripts were slow within an hour, the slowest took ` +
        `${shown(slowest.milliseconds)} (queue "${slowest.queue}")`,
      why: "the server does nothing else meanwhile",
      remedy: "is its machine busy, or swapping? else pass big arguments and results by reference",
    }];
  },
  fine: ({ refused }) => refused.includes("SLOWLOG") ? undefined : "none was slow within an hour",
};

/** Whether the server's clock is that of this machine. */
export const clock: Check<ServerFacts> = {
  name: "clock",
  problems({ ahead }) {
    if (ahead === undefined || Math.abs(ahead) <= DIFFERENT) return [];
    return [{
      level: Math.abs(ahead) > VERY_DIFFERENT ? "error" : "warning",
      text: `the server's clock is ${secondsOf(ahead)} the one here`,
      why:
        "worq goes by the server's: leases and delays are right, but runAt and expiresAt of this " +
        `machine come ${ahead > 0 ? "too early" : "too late"} by that much`,
      remedy: "have NTP set the clocks of both machines (timedatectl set-ntp true)",
    }];
  },
  fine: ({ ahead }) => ahead === undefined ? undefined : "that of this machine",
};

function secondsOf(ahead: number): string {
  return `${(Math.abs(ahead) / 1_000).toFixed(1)} s ${ahead > 0 ? "ahead of" : "behind"}`;
}
