/** The least rights of a user, as the documentation lists them. */
import { readFile } from "node:fs/promises";

/** The rights that docs/redis.md lists. */
export async function documentedRights(user = "app"): Promise<string[]> {
  const page = await readFile(new URL("../../docs/redis.md", import.meta.url), "utf8");
  const pattern = new RegExp(`ACL SETUSER ${user} (.*?)\n(ACL|\`\`\`)`, "s");
  return pattern.exec(page)![1]!.split(/\s+/).filter((word) => word !== "");
}
