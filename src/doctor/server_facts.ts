/** {@linkcode readServer}: all that one server tells of itself. */
import { isPassing, isRefusal, type RedisLink } from "../queues/redis_client.ts";

/** A script of worq that the server remembers as slow. */
export interface SlowScript {
  /** Name of its queue. */
  readonly queue: string;
  /** How long it took. */
  readonly milliseconds: number;
}

/** What is known about a server. */
export interface ServerFacts {
  /** Host and port. */
  readonly where: string;
  /** Fields of `INFO`; none where the user may not ask. */
  readonly info: ReadonlyMap<string, string>;
  /** Settings; none where the user may not ask. */
  readonly config: ReadonlyMap<string, string>;
  /** Commands that the server refused. */
  readonly refused: readonly string[];
  /** Milliseconds that each of some round trips took, sorted. */
  readonly trips: readonly number[];
  /** Milliseconds by which the server's clock is ahead of the one here. */
  readonly ahead: number | undefined;
  /** Slow scripts of the last hour. */
  readonly slow: readonly SlowScript[];
}

/** Round trips that are measured. */
const TRIPS = 20;
/** Looks at the server's clock, of which the fastest counts. */
const LOOKS = 5;
/** Entries of the slow log to read. */
const ENTRIES = "128";
const HOUR = 3_600;

const SETTINGS = [
  "maxmemory-policy",
  "appendonly",
  "appendfsync",
  "save",
  "stop-writes-on-bgsave-error",
  "timeout",
  "client-output-buffer-limit",
  "lua-time-limit",
  "min-replicas-to-write",
  "min-replicas-max-lag",
  "cluster-require-full-coverage",
];

/** Asks a server, which the clock `now` is compared to. */
export async function readServer(
  where: string,
  link: RedisLink,
  now: () => number,
): Promise<ServerFacts> {
  const refused = new Set<string>();
  const ask = async (command: string, ...args: string[]): Promise<unknown> => {
    try {
      return await link.send(command, args);
    } catch (error) {
      // One that is loading or busy says nothing of itself.
      if (!isRefusal(error) || isPassing(error)) throw error;
      refused.add(command);
    }
  };
  const time = () => ask("TIME") as Promise<[seconds: string, micros: string] | undefined>;
  // First, so that nothing else is in front of it.
  const trips = await timesOf(() => ask("PING"));
  const [ahead, seconds] = await compareClocks(time, now);
  const [info, config, log] = [
    parseInfo(await ask("INFO")),
    await readSettings(ask),
    await ask("SLOWLOG", "GET", ENTRIES),
  ];
  return { where, info, config, refused: [...refused], trips, ahead, slow: slowOf(log, seconds) };
}

/** A number that `INFO` gives. */
export function numberIn(info: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = info.get(name);
  return text === undefined ? undefined : Number(text);
}

/** The fields of `INFO`. */
export function parseInfo(reply: unknown): Map<string, string> {
  const lines = String(reply ?? "").matchAll(/^([^#:\r\n]+):([^\r\n]*)/gm);
  return new Map([...lines].map(([, name, value]) => [name!, value!]));
}

async function timesOf(act: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < TRIPS; i++) {
    const begin = performance.now();
    await act();
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b);
}

async function compareClocks(
  time: () => Promise<[seconds: string, micros: string] | undefined>,
  now: () => number,
): Promise<[ahead: number | undefined, seconds: number]> {
  let best = { took: Infinity, ahead: undefined as number | undefined, seconds: 0 };
  for (let i = 0; i < LOOKS; i++) {
    const [begin, before] = [performance.now(), now()];
    const there = await time();
    const took = performance.now() - begin;
    if (there === undefined || took >= best.took) continue;
    const [seconds, micros] = there.map(Number) as [number, number];
    best = { took, ahead: seconds * 1_000 + micros / 1_000 - before - took / 2, seconds };
  }
  return [best.ahead, best.seconds];
}

async function readSettings(
  ask: (command: string, ...args: string[]) => Promise<unknown>,
): Promise<Map<string, string>> {
  const settings = new Map<string, string>();
  // One at a time: Redis 6.2 takes no more.
  for (const name of SETTINGS) {
    const reply = await ask("CONFIG", "GET", name) ?? {};
    for (const [key, value] of Object.entries(reply)) settings.set(key, String(value));
  }
  return settings;
}

type LogEntry = [id: number, at: number, micros: number, args: string[]];

/** Those that ran a script with the keys of a queue, in the hour before `seconds`. */
function slowOf(log: unknown, seconds: number): SlowScript[] {
  return (log as LogEntry[] ?? []).flatMap(([, at, micros, [command, , keys, prefix = ""]]) => {
    const queue = /^worq:\{(.+)\}:$/.exec(prefix)?.[1];
    const ours = /^EVAL(SHA)?$/i.test(command ?? "") && keys === "2" && queue !== undefined;
    return ours && at > seconds - HOUR ? [{ queue, milliseconds: micros / 1_000 }] : [];
  });
}
