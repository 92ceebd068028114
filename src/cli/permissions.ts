/** `--allow-net` and the others like it: what workers on Deno may do. */

/** What there are permissions for. */
export const PERMISSIONS = ["env", "ffi", "import", "net", "read", "run", "sys", "write"] as const;

/** Without its value, Commander would take the next argument for the list. */
export function spellOut(args: readonly string[]): string[] {
  const bare = PERMISSIONS.map((kind) => `--allow-${kind}`);
  return args.map((arg) => bare.includes(arg) ? `${arg}=*` : arg);
}
