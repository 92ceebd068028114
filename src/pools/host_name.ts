/** {@linkcode hostName}: what this machine is called, where that may be known. */
import { hostname } from "node:os";
import { isDeno } from "../runtime.ts";

interface Permissions {
  querySync(what: { name: "sys"; kind: "hostname" }): { readonly state: string };
}

/** Empty where this process may not know: Deno would ask the user, which a pool must not. */
export function hostName(): string {
  if (!isDeno) return hostname();
  const { Deno: deno } = globalThis as unknown as { Deno: { permissions: Permissions } };
  const { state } = deno.permissions.querySync({ name: "sys", kind: "hostname" });
  return state === "granted" ? hostname() : "";
}
