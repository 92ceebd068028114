/** The backends that tests run on, and tests that need a server. */
import process from "node:process";

/** URL of the Redis server for tests; undefined when there is none. */
export const redisUrl: string | undefined = process.env.WORQ_TEST_REDIS_URL || undefined;

/** A backend to test on. */
export interface Backend {
  readonly name: string;
  /** Undefined when its server is not there. */
  readonly url: string | undefined;
}

/** Every backend. Tests share the Redis server, so each uses queues with names of its own. */
export const BACKENDS: readonly Backend[] = [
  { name: "memory", url: "memory://tests" },
  { name: "redis", url: redisUrl },
];

/** A queue name that no other test uses. */
export function freshName(): string {
  return `test-${crypto.randomUUID()}`;
}

/** A test that needs a URL; without one it is reported as ignored. */
export function testOn(
  url: string | undefined,
  name: string,
  body: (url: string) => Promise<void>,
): void {
  // Its server is not there: the run names what it left out.
  Deno.test({ name, ignore: url === undefined, fn: () => body(url!) });
}

/** The same test on every backend. */
export function testOnAll(
  name: string,
  body: (url: string, queue: string) => Promise<void>,
): void {
  for (const backend of BACKENDS) {
    testOn(backend.url, `${name} [${backend.name}]`, (url) => body(url, freshName()));
  }
}
