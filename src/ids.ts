/**
 * Ids that callers make up.
 *
 * They must be unique among all clients, and short, since each is in Redis several times: the name
 * of the client, then a count of this process. So an id tells whom to tell of its outcome.
 */

/** Characters of a client's name. */
export const CLIENT_LENGTH = 16;

/** A name for one client of a queue: 96 random bits. */
export function newClient(): string {
  // None begins with a dash, as an option of a command does.
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))))
    .replaceAll("+", ".").replaceAll("/", "_");
}

let made = 0;

/** An id that begins with the name of its client. */
export function newId(client: string): string {
  return client + (made++).toString(36);
}

/** Of all ids that `client` made so far, none comes after this one. */
export function lastId(client: string): string {
  return made === 0 ? client : client + (made - 1).toString(36);
}

/** Whether a client made id `a` after its id `b`. */
export function isAfter(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
