/** Calls that count as stored when replicas have them, too. */
import { NotDurable } from "../errors.ts";
import { checkCount } from "../wait.ts";
import { isPassing } from "./redis_client.ts";
import type { RedisConnection } from "./redis_connection.ts";

/** Who must have a task before its call is stored. */
export interface Durability {
  /** Number of replicas that must confirm. @default {1} */
  readonly replicas?: number;
  /** Milliseconds that they have for it, 1 or more. @default {1_000} */
  readonly timeout?: number;
}

/** A connection that is lost each time is not tried for ever. */
const MOST_TRIES = 5;

/** The option with its defaults; undefined when nothing is to be waited for. */
export function durabilityOf(
  act: string,
  option: boolean | Durability | undefined,
): Required<Durability> | undefined {
  if (option === undefined || option === false) return undefined;
  if (option !== true && (typeof option !== "object" || option === null)) {
    throw new TypeError(
      `Cannot ${act}: durable must be true, false or { replicas, timeout }, received ${
        String(option)
      }`,
    );
  }
  const { replicas = 1, timeout = 1_000 } = option === true ? {} : option;
  checkCount(act, "durable.replicas", replicas);
  checkCount(act, "durable.timeout", timeout);
  return { replicas, timeout };
}

/**
 * Has replicas confirm what was written on `connection`, where it had `losses` losses before; gives
 * the error for the callers when they do not.
 *
 * WAIT is about what its very connection wrote. After a loss that may be something else, on another
 * server even; so all is stored again, which changes nothing where it is known.
 */
export async function confirm(
  connection: RedisConnection,
  key: string,
  { replicas, timeout }: Required<Durability>,
  losses: number,
  storeAgain: () => Promise<void>,
): Promise<NotDurable | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    try {
      if (connection.losses === losses) {
        const confirmed = await connection.once("WAIT", [`${replicas}`, `${timeout}`], key);
        if (Number(confirmed) >= replicas) return undefined;
        return new NotDurable(`${confirmed} of ${replicas} replicas had it after ${timeout} ms`);
      }
    } catch (error) {
      if (!isPassing(error)) throw connection.explain(error, "durable call");
    }
    losses = connection.losses;
    await storeAgain();
  }
  return new NotDurable("the connection was lost each time that replicas were asked");
}
