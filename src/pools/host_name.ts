/** {@linkcode hostName}: what this machine is called, where that may be known. */
import { hostname } from "node:os";

interface Permissions {
  querySync(what: { name: "sys"; kind: "hostname" }): { readonly state: string };
}

/** Empty where this process may not know: Deno would ask the user, which a pool must not. */
export function hostName(): string {
  const { Deno: deno } = globalThis as { Deno?: { permissions: Permissions } };
  const status = deno?.permissions.querySync({ name: "sys", kind: "hostname" });
  return status === undefined || status.state === "granted" ? hostname() : "";
}
