/**
 * Stand-ins for the images that the project's Dockerfile begins with, made of what is on this
 * machine: each has a program, the libraries that it needs, and little else. So the Dockerfile is
 * built as it is where no image can be pulled.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a stand-in has. */
export interface StandIn {
  /** Paths in the image, and what is copied there. */
  readonly files: Readonly<Record<string, string>>;
  /** Programs of this machine whose libraries are in it. */
  readonly runs: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const USER = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";

/** Writes it into `folder`, which a build can have as its context. */
export function writeStandIn(folder: string, { files, runs, env = {} }: StandIn): void {
  for (const name of ["dev", "etc", "proc", "sys", "tmp"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  chmodSync(join(folder, "tmp"), 0o1777);
  writeFileSync(join(folder, "etc/passwd"), USER);
  const libraries = runs.flatMap(librariesOf).map((path) => [path, path] as const);
  for (const [to, from] of [...libraries, ...Object.entries(files)]) {
    cpSync(from, join(folder, to), { dereference: true, recursive: true });
  }
  const lines = Object.entries(env).map(([name, value]) => `ENV ${name}=${value}`);
  writeFileSync(`${folder}.Dockerfile`, ["FROM scratch", "COPY . /", ...lines, ""].join("\n"));
}

function librariesOf(program: string): string[] {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  return stdout.match(/\/\S+\.so\S*/g) ?? [];
}
