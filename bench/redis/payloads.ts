/** Arguments as applications have them, larger than the usual 100 bytes. */
import type { Payload } from "../protocol.ts";

/** Bytes of each kind, as the text that is stored. */
export const BYTES = {
  "1 kB of JSON": 1_000,
  "100 kB of JSON": 100_000,
  "1 kB of rich types": 1_000,
} as const;

/** A kind of arguments. */
export type PayloadKind = keyof typeof BYTES;

/** Bytes that one call has at most, and one task at least. */
const MOST = 1_000_000;

const MAKERS: Readonly<Record<PayloadKind, () => unknown>> = {
  "1 kB of JSON": () => order(6),
  "100 kB of JSON": () => order(831),
  "1 kB of rich types": event,
};

/** The arguments of `n` tasks; they share what is the same in all of them. */
export function payloadsLike(kind: string, n: number): Payload[] {
  const pad = MAKERS[kind as PayloadKind]();
  return Array.from({ length: n }, (_, i) => ({ i, pad }));
}

/** Tasks of one call: `most`, or fewer when they are large. */
export function chunkOf(kind: string | undefined, most: number): number {
  return kind === undefined ? most : Math.min(most, MOST / BYTES[kind as PayloadKind]);
}

/** What a shop enqueues: nested objects, short texts, numbers. */
function order(lines: number) {
  return {
    id: "0f8fad5b-d9cb-469f-a165-70867728950e",
    placed: "2026-11-25T18:50:47.123Z",
    paid: true,
    customer: {
      name: "Zoë Ångström",
      email: "zoe@example.com",
      address: { street: "12 Rue de l'Église", city: "Liège", postcode: "4000", country: "BE" },
    },
    lines: Array.from({ length: lines }, (_, i) => ({
      sku: `SKU-${10_000 + i}`,
      title: "Mug, stoneware, 0.3 l",
      quantity: i % 5 + 1,
      price: 12.9 + i,
      discount: null,
      tags: ["kitchen", "new"],
    })),
    note: "Ring twice.",
  };
}

/** What JSON cannot carry: all that worq's codec knows, each in the size that it usually has. */
function event() {
  return {
    at: new Date("2026-11-25T18:50:47.123Z"),
    sequence: 9_007_199_254_740_993n,
    labels: new Set(["billing", "retry", "europe"]),
    counts: new Map([["opened", 12], ["clicked", 3], ["bounced", 0]]),
    digest: new Uint8Array(170).map((_, i) => i * 7),
    last: { seen: undefined, ratio: NaN },
    error: failure("Cannot send the invoice", failure("Cannot read the reply of the server")),
  };
}

/** An error with the same stack everywhere: the usual one has paths of this machine. */
function failure(message: string, cause?: Error): Error {
  const frames = ["mail.ts:41:11", "invoices.ts:107:5", "tasks.ts:12:3"];
  const stack = [`Error: ${message}`, ...frames.map((frame) => `    at /app/src/${frame}`)].join(
    "\n",
  );
  return Object.assign(new Error(message, { cause }), { stack });
}
