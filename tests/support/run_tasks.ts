/** A module for `worq run` that has no `init`: what it exports is the tasks. */
import process from "node:process";
import { currentTask, TaskSpace } from "@worq/worq";

export function nap(time: number): Promise<string> {
  console.error("napping");
  return new Promise((resolve) => setTimeout(() => resolve("slept"), time));
}

export function hello(name: string, variable?: string): string {
  if (variable !== undefined) return `${process.env[variable]}`;
  return `hello ${name}, says ${currentTask().name}`;
}

export const math: TaskSpace<"math", { square(x: number): number }> = new TaskSpace("math", {
  square: (x: number) => x * x,
});

export const versions = (): string[] => Object.keys(process.versions);
