import { burn } from "./fire/burn.ts";
import { singleServer, watchedPair, movingCluster } from "./fire/sites.ts";
const [site, length] = process.argv.slice(2);
import process from "node:process";
{
  await using s = await ({ singleServer, watchedPair, movingCluster } as any)[site!]();
  const b = await burn(s, { seed: 3, length: Number(length), hosts: ["inline", "inline", "thread", "process"], pause: 100, longest: 1500, longShare: 0.02, killEvery: 5000, freezeEvery: 6000, freezeTime: 3000, resultTimeout: 30_000, patience: 40_000, recoveryLimit: 16_000, tell: console.log });
  (globalThis as any).dbg?.(b);
  const { crimes, answers, recoveries, ...rest } = b;
  console.log(rest, Object.entries(crimes).map(([k, v]) => [k, v.length, v.slice(0, 3)]), recoveries, Math.max(...answers), answers.length);
}
