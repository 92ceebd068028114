/** {@linkcode parseRedisUrl}: what a Redis URL says. */

/** Where a server listens. */
export interface RedisAddress {
  /** Name or address. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** What a Redis URL says. */
export interface RedisTarget {
  /** One server, a cluster, or a primary that Sentinel names. */
  readonly kind: "server" | "cluster" | "sentinel";
  readonly tls: boolean;
  /** The server; servers of the cluster; or the sentinels. */
  readonly hosts: readonly RedisAddress[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name by which the sentinels know the primary; empty without Sentinel. */
  readonly primary: string;
}

/** The forms that a URL may have. */
export const REDIS_FORMS = "redis://host:6379/0, rediss://… for TLS, " +
  "redis+cluster://host:6379,host:6379 or redis+sentinel://host:26379,host:26379/mymaster/0";

const SCHEME = /^(rediss?)(?:\+(cluster|sentinel))?:\/\//i;
const PARTS = /^(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)/;
const HOST = /^(\[[\da-f:.]+\]|[^:[\]\s]+)?(?::(\d{1,5}))?$/i;

/** Whether `url` is meant for Redis. */
export const isRedisUrl = (url: string): boolean => SCHEME.test(url);

/** Reads a URL; throws an error that says what cannot be. */
export function parseRedisUrl(url: string): RedisTarget {
  const [scheme = "", secure = "", fleet] = SCHEME.exec(url) ?? [];
  const kind = (fleet?.toLowerCase() ?? "server") as RedisTarget["kind"];
  const [, login = "", hosts = "", path = ""] = PARTS.exec(url.slice(scheme.length)) ?? [];
  const colon = login.indexOf(":");
  const username = colon < 0 ? login : login.slice(0, colon);
  const password = colon < 0 ? "" : login.slice(colon + 1);
  const list = kind === "server" ? [hosts] : hosts.split(",");
  return {
    kind,
    tls: secure.toLowerCase() === "rediss",
    hosts: list.map((host) => parseHost(host, kind === "sentinel" ? 26379 : 6379)),
    username: decode(username),
    password: decode(password),
    ...parsePath(kind, path),
  };
}

function parseHost(text: string, usualPort: number): RedisAddress {
  // Without the text: what does not look like a host may be half of a password.
  const [, host, port] = HOST.exec(text) ?? fail("a host must be written as host:port");
  if (host === undefined) fail("it has no host");
  if (Number(port) > 65_535) fail("a port is at most 65535");
  return { host: host!.replace(/^\[|\]$/g, ""), port: Number(port ?? usualPort) };
}

function parsePath(kind: RedisTarget["kind"], path: string) {
  if (kind === "sentinel") {
    const [, primary = "", database = ""] = /^\/([^/]+)(?:\/(\d*))?$/.exec(path) ??
      fail("the path must be the name of the primary, and maybe the number of a database");
    return { primary: decode(primary) ?? "", database: Number(database) };
  }
  if (!/^(\/\d*)?$/.test(path)) fail("the path must be the number of a database");
  const database = Number(path.slice(1));
  if (kind === "cluster" && database !== 0) fail("a cluster has no database but 0");
  return { primary: "", database };
}

function decode(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fail(problem: string): never {
  throw new Error(problem);
}

/** `host:port` as one text. */
export function textOf({ host, port }: RedisAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The hosts of a Redis URL: what may be shown to people and kept in logs. */
export function hostOf(url: string): string {
  return parseRedisUrl(url).hosts.map(textOf).join(",");
}

/** What is the same for all URLs of one place, whoever connects to it. */
export function placeOf(url: string): string {
  const { kind, hosts, primary, database } = parseRedisUrl(url);
  const scheme = kind === "server" ? "redis" : `redis+${kind}`;
  const path = [primary, database || ""].filter((part) => part !== "").join("/");
  return `${scheme}://${hosts.map(textOf).sort().join(",")}${path === "" ? "" : `/${path}`}`;
}

/** `text` without the password of the URL. */
export function withoutSecrets(text: string, url: string): string {
  const { password } = parseRedisUrl(url);
  if (password === undefined) return text;
  return text.replaceAll(password, "***").replaceAll(encodeURIComponent(password), "***");
}
