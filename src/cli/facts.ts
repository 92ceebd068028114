/** What is known about one task, as lines for people or JSON for programs. */
import type { FailedAttempt, TaskFailure } from "../../mod.ts";
import { decodeMessage } from "../../backend.ts";
import { decode } from "../codec.ts";
import { CliError, EXIT } from "./failure.ts";
import { oneLine } from "./one_line.ts";
import { styled, toJson, writeLine } from "./output.ts";

/** Facts by name. */
export type Facts = Record<string, unknown>;

/** Nothing is known about a task. */
export function unknownTask(id: string, queue: string): CliError {
  return new CliError(
    `queue "${queue}" does not know task ${id}: it was never there, was cleared, or its result was ` +
      "kept for its time; another queue: --queue",
    EXIT.failed,
  );
}

/** Without those that are not known. */
export function known(facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Writes facts, each with its name in front. */
export async function writeFacts(facts: Facts, json: boolean | undefined): Promise<void> {
  if (json) return await writeLine(toJson(facts));
  const width = Math.max(...Object.keys(facts).map((key) => key.length));
  const indent = `\n${" ".repeat(width + 2)}`;
  for (const [key, value] of Object.entries(facts)) {
    await writeLine(`${styled("bold", key.padEnd(width))}  ${linesOf(key, value).join(indent)}`);
  }
}

/** Name, arguments and wishes of a task; each result that it takes as `inputs` has it. */
export function messageFacts(text: string, inputs: readonly string[]): Facts {
  try {
    const { name, args, context, priority, expiresAt } = decodeMessage(text);
    return {
      task: name,
      args: decode(args, inputs),
      context,
      priority: priority > 0 ? priority : undefined,
      expires: timeOf(expiresAt),
    };
  } catch (error) {
    return { task: (error as Error).message };
  }
}

/** Why a task failed, and where. */
export function failureFacts({ errorText, cause }: TaskFailure): Facts {
  return { error: errorText, stack: cause instanceof Error ? cause.stack : undefined };
}

/** A time for people and programs. */
export function timeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}

function linesOf(key: string, value: unknown): string[] {
  if (key === "stack") return String(value).split("\n").map(oneLine);
  if (key === "attempts") return (value as FailedAttempt[]).map(attemptLine);
  return [typeof value === "string" ? oneLine(value) : toJson(value)];
}

function attemptLine({ kind, pool, started, ended, text }: FailedAttempt): string {
  const took = `${ended.getTime() - started.getTime()} ms`;
  return `${started.toISOString()}  ${kind} after ${took} in ${pool}: ${oneLine(text)}`;
}
