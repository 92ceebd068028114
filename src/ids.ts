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

const ZERO = "0".charCodeAt(0);
const LETTERS = "a".charCodeAt(0);

let made = 0;

/** An id that begins with the name of its client. */
export function newId(client: string): string {
  return client + (made++).toString(36);
}

/** How many ids this process has made: each of them has a smaller number. */
export function idsMade(): number {
  return made;
}

/** Number of an id that `client` made. */
export function numberOf(id: string): number {
  // As parseInt(…, 36) does, which is slow and wants a text of its own.
  let number = 0;
  for (let at = CLIENT_LENGTH; at < id.length; at++) {
    const code = id.charCodeAt(at);
    number = 36 * number + code - (code < LETTERS ? ZERO : LETTERS - 10);
  }
  return number;
}
