/** {@linkcode Guard}: who may see the page, and who may act. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { emptyAnswer, errorAnswer, pageAnswer } from "./answers.ts";

/** What a user says about it. */
export interface GuardOptions {
  /** What a visitor has to know. */
  readonly token?: string;
  /** Whether a visitor is let in. */
  readonly allow?: (request: Request) => boolean | Promise<boolean>;
}

/** Names and addresses of this machine: no other site can have them, as it can have any other name. */
const LOOPBACK = /^(localhost|[^.:]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

const LOCKED = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>worq</title>
<h1>This page needs its token</h1>
<p>Open the address that was told when it was started, which ends with <code>?token=…</code></p>
`;

/** Decides about requests. */
export class Guard {
  /** What an action has to bring along: only the page has it, and no other site can read the page. */
  readonly actionToken: string = randomBytes(24).toString("base64url");
  readonly #token: string | undefined;
  readonly #allow: GuardOptions["allow"];

  /** Throws a `TypeError` for an empty token. */
  constructor({ token, allow }: GuardOptions) {
    if (token !== undefined && (typeof token !== "string" || token === "")) {
      throw new TypeError("Cannot make dashboard: the token is empty");
    }
    this.#token = token;
    this.#allow = allow;
  }

  /** What a request is answered that is not let in, or that has to come again with a cookie. */
  async stop(request: Request, url: URL, base: string): Promise<Response | undefined> {
    if (this.#allow !== undefined && !await this.#allow(request)) {
      return errorAnswer(403, "you are not let in here");
    }
    if (this.#token !== undefined) return this.#stopWithout(this.#token, request, url, base);
    if (this.#allow !== undefined || LOOPBACK.test(hostOf(request, url))) return undefined;
    return errorAnswer(
      403,
      "without a token this page is for names of this machine alone, such as localhost",
    );
  }

  /** Why a request may not act; undefined when it may. */
  mayNot(request: Request, url: URL): string | undefined {
    const origin = request.headers.get("origin");
    if (origin !== null && hostOfOrigin(origin) !== hostOf(request, url)) {
      return "an action has to come from the page itself, not from another site";
    }
    const isRight = isSame(request.headers.get("x-worq-token") ?? "", this.actionToken);
    return isRight
      ? undefined
      : "the header x-worq-token is missing, or of a page from before a restart: reload the page";
  }

  #stopWithout(token: string, request: Request, url: URL, base: string): Response | undefined {
    // A browser sends cookies to all ports of a host: each token has its own.
    const cookie = `worq_${digestOf(token).toString("hex").slice(0, 8)}`;
    const given = url.searchParams.get("token");
    if (given !== null && url.pathname === base && isSame(given, token)) {
      const secure = url.protocol === "https:" ? "; Secure" : "";
      const value = `${cookie}=${encodeURIComponent(token)}`;
      return emptyAnswer(303, {
        location: "./",
        "set-cookie": `${value}; Path=${base}; HttpOnly; SameSite=Strict${secure}`,
        "cache-control": "no-store",
      });
    }
    const [, bearer] = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    const kept = cookieOf(request, cookie);
    if ([bearer, kept].some((one) => one !== undefined && isSame(one, token))) return undefined;
    return url.pathname === base
      ? pageAnswer(LOCKED, 401, { "www-authenticate": "Bearer" })
      : errorAnswer(
        401,
        "this needs the token, as Authorization: Bearer … or as the page's cookie",
      );
  }
}

function cookieOf(request: Request, name: string): string | undefined {
  for (const part of (request.headers.get("cookie") ?? "").split(/; */)) {
    if (!part.startsWith(`${name}=`)) continue;
    try {
      return decodeURIComponent(part.slice(name.length + 1));
    } catch {
      return undefined;
    }
  }
}

/** As the browser has it in its address; it is in the URL for those who make requests by hand. */
function hostOf(request: Request, url: URL): string {
  return request.headers.get("host") ?? url.host;
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Takes the same time for all texts, so that nobody can guess one letter after another. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Uint8Array & { toString(encoding: "hex"): string } {
  return createHash("sha256").update(text).digest();
}
