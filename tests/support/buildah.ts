/** Images and containers in a folder of one's own, by buildah, without an engine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Program, Running } from "./worq.ts";

/** What an image says about how it is run. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
  readonly ExposedPorts: Readonly<Record<string, object>>;
}

/** Whether images can be built and run here. */
export function canContain(): boolean {
  return process.getuid?.() === 0 &&
    spawnSync("buildah", ["--version"]).status === 0 &&
    spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0;
}

/** A store of images; it goes with its scope. */
export class Buildah implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "worq-buildah-"));

  /** Builds an image of a folder, whose Dockerfile may begin with images of this store only. */
  build(context: string, tag: string, dockerfile: string): string {
    return this.#run(
      ...["build", "--isolation", "chroot", "--format", "docker", "--pull-never"],
      ...["--file", dockerfile, "--tag", tag, context],
    );
  }

  config(tag: string): ImageConfig {
    return JSON.parse(this.#run("inspect", "--type", "image", tag)).Docker.config;
  }

  /** A container, and the folder that is its root. */
  container(tag: string): { name: string; root: string } {
    const name = this.#run("from", "--pull-never", tag);
    return { name, root: this.#run("mount", name) };
  }

  /** Runs a program in a container, on this machine's network. */
  inside(container: string, env: readonly string[], ...command: string[]): Program {
    const variables = env.flatMap((one) => ["--env", one]);
    const args = ["run", "--isolation", "chroot", ...variables, container, "--", ...command];
    return { command: ["buildah", ...this.#store(), ...args], env: this.#env() };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #store(): string[] {
    const [root, state] = ["images", "state"].map((name) => join(this.folder, name));
    return ["--root", root!, "--runroot", state!, "--storage-driver", "vfs"];
  }

  #env(): Record<string, string> {
    return { ...process.env as Record<string, string>, TMPDIR: this.folder };
  }

  #run(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("buildah", [...this.#store(), ...args], {
      encoding: "utf8",
      env: this.#env(),
      maxBuffer: 1e8,
    });
    if (status === 0) return stdout.trim();
    throw new Error(`buildah ${args.join(" ")} failed:\n${stdout}${stderr}`);
  }
}

const CONTAIN = `
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount -o remount,bind,ro "$0"
exec "$@"
`;

/**
 * A program that runs as engines do it, with what its image says: as process 1 of its own, as the
 * image's user, with nothing to write to. It is killed with its scope.
 */
export class Contained extends Running {
  constructor(
    root: string,
    { User, Env, WorkingDir }: ImageConfig,
    env: readonly string[],
    command: readonly string[],
  ) {
    const [user, group] = User.split(":");
    super({
      command: [
        ...["unshare", "--mount", "--propagation", "private", "--pid", "--fork"],
        ...["sh", "-ec", CONTAIN, root, "env", "-i", ...Env, "HOME=/nonexistent", ...env],
        ...["/usr/bin/unshare", `--root=${root}`, `--wd=${WorkingDir}`],
        ...["--setgid", group!, "--setuid", user!, "--"],
      ],
    }, command);
  }

  /** Process 1, by its number out here; undefined when it is gone. */
  get first(): number | undefined {
    return childrenOf(this.child.pid!)[0];
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.first !== undefined) process.kill(this.first, "SIGKILL");
    await this.ended;
  }
}

/** Processes that this one has started; none when it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter((one) => one !== "").map(Number);
  } catch {
    return [];
  }
}
