/** {@linkcode COMMANDS}: which there are, without loading them. */
import type { Command } from "commander";

/** What loads each command, by its name, in the order of the help. */
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map(Object.entries({
  run: async () => (await import("./commands/run.ts")).runCommand(),
  call: async () => (await import("./commands/call.ts")).callCommand(),
  map: async () => (await import("./commands/map.ts")).mapCommand(),
  status: async () => (await import("./commands/status.ts")).statusCommand(),
  top: async () => (await import("./commands/top.ts")).topCommand(),
  dashboard: async () => (await import("./commands/dashboard.ts")).dashboardCommand(),
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand(),
  why: async () => (await import("./commands/why.ts")).whyCommand(),
  cancel: async () => (await import("./commands/cancel.ts")).cancelCommand(),
  clear: async () => (await import("./commands/cancel.ts")).clearCommand(),
  dead: async () => (await import("./commands/dead.ts")).deadCommand(),
  redrive: async () => (await import("./commands/dead.ts")).redriveCommand(),
  discard: async () => (await import("./commands/dead.ts")).discardCommand(),
  schedules: async () => (await import("./commands/schedules.ts")).schedulesCommand(),
  unschedule: async () => (await import("./commands/schedules.ts")).unscheduleCommand(),
  pause: async () => (await import("./commands/pause.ts")).pauseCommand(),
  resume: async () => (await import("./commands/pause.ts")).resumeCommand(),
  fsck: async () => (await import("./commands/fsck.ts")).fsckCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  health: async () => (await import("./commands/health.ts")).healthCommand(),
  build: async () => (await import("./commands/build.ts")).buildCommand(),
  demo: async () => (await import("./commands/demo.ts")).demoCommand(),
  bench: async () => (await import("./commands/bench.ts")).benchCommand(),
  version: async () => (await import("./commands/version.ts")).versionCommand(),
}));
