/** Imports point one way, and only what starts workers knows the runtime. */
import { deepStrictEqual } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** Each file may import those before it. */
const LAYERS = [
  "runtime",
  "logger",
  "worker_scope",
  "abort",
  "errors",
  "status",
  "wait",
  "batch",
  "chain",
  "roster",
  "ids",
  "plain",
  "codec",
  "context",
  "message",
  "retry",
  "notes",
  "fsck",
  "task_queue",
  "states",
  "outcome",
  "cards",
  "rates",
  "rate_history",
  "metrics",
  "couriers",
  "why",
  "follow",
  "schema",
  "task_space",
  "current_task",
  "waiter",
  "waiters",
  "producer",
  "deferred",
  "task",
  "hooks",
  "schedule",
  "scheduler",
  "queue",
  "helpers",
  "dead",
  "limits",
  "broker",
  "queues/heap",
  "queues/timers",
  "queues/lines",
  "queues/memory_notes",
  "queues/memory_entry",
  "queues/memory_store",
  "queues/memory_fsck",
  "queues/memory",
  "queues/pauses",
  "queues/redis_url",
  "queues/redis_client",
  "queues/redis_listener",
  "queues/redis_slots",
  "queues/redis_cluster",
  "queues/redis_sentinel",
  "queues/redis_open",
  "queues/deno_redis",
  "queues/redis_lines",
  "queues/redis_lua",
  "queues/redis_prelude",
  "queues/redis_scripts",
  "queues/redis_view_scripts",
  "queues/redis_fsck_scripts",
  "queues/redis_fsck",
  "queues/redis_rights",
  "queues/redis_connection",
  "queues/redis_durable",
  "queues/redis",
  "queues/redis_names",
  "pools/beats",
  "pools/meter",
  "pools/jotter",
  "pools/consumer",
  "pools/turns",
  "pools/ticker",
  "pools/announcer",
  "pools/host_name",
  "pools/worker_pool",
  "pools/inline",
  "pools/start_pools",
  "pools/frames",
  "pools/shelf",
  "pools/worker_main",
  "pools/worker_entries",
  "pools/pace",
  "pools/worker_handle",
  "pools/worker",
  "pools/supervisor",
  "pools/module_pool",
  "pools/thread_main",
  "pools/thread_entry",
  "pools/thread",
  "pools/deno_flags",
  "pools/worker_command",
  "pools/process_main",
  "pools/process_entry",
  "pools/process",
  "connect",
  "name_list",
  "doctor/diagnosis",
  "doctor/server_facts",
  "doctor/storage",
  "doctor/times",
  "doctor/limits",
  "doctor/rights",
  "doctor/access",
  "doctor/fleet_facts",
  "doctor/fleet",
  "doctor/queue_facts",
  "doctor/queues",
  "doctor/examine",
  "otel/headers",
  "otel/calls",
  "otel/tracing",
  "dashboard/refusal",
  "dashboard/redaction",
  "dashboard/board",
  "dashboard/overview",
  "dashboard/tasks",
  "dashboard/task",
  "dashboard/graph",
  "dashboard/actions",
  "dashboard/events",
  "dashboard/assets",
  "dashboard/answers",
  "dashboard/auth",
  "dashboard/routes",
  "dashboard/handler",
  "cli/one_line",
  "cli/failure",
  "cli/nearest",
  "cli/values",
  "cli/output",
  "cli/table",
  "cli/facts",
  "cli/confirm",
  "cli/options",
  "cli/first_process",
  "cli/spellings",
  "cli/own_copy",
  "cli/user_module",
  "cli/serve",
  "cli/thread_worker",
  "cli/process_worker",
  "cli/self",
  "cli/tools",
  "cli/kit",
  "cli/compile",
  "cli/permissions",
  "cli/settings",
  "cli/listening",
  "cli/health",
  "cli/web_server",
  "cli/pool",
  "cli/map_inputs",
  "cli/mapping",
  "cli/map_report",
  "cli/map_pool",
  "cli/map_queue",
  "cli/progress",
  "cli/commands/run",
  "cli/commands/call",
  "cli/commands/map",
  "cli/commands/status",
  "cli/top_screen",
  "cli/commands/top",
  "cli/commands/dashboard",
  "cli/commands/inspect",
  "cli/commands/why",
  "cli/commands/cancel",
  "cli/commands/pause",
  "cli/commands/dead",
  "cli/commands/fsck",
  "cli/commands/doctor",
  "cli/commands/schedules",
  "cli/commands/bench",
  "cli/commands/build",
  "cli/commands/health",
  "cli/commands/demo",
  "cli/commands/version",
  "cli/commands",
  "cli/program",
  "cli/binary",
  "testing/test_queue",
  "testing/driver",
  "testing/case",
  "testing/delivery_cases",
  "testing/sharing_cases",
  "testing/schedule_cases",
  "testing/state_cases",
  "testing/task_queue_suite",
];

/** May use what one runtime has and others have not. */
const KNOWS_RUNTIME = ["pools/deno_flags.ts", "pools/thread_main.ts"];

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"));
const layerOf = (path: string) => relative(SRC, path).replace(/\.ts$/, "").replaceAll("\\", "/");

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)";$/gms)]
    .map(([, path]) => layerOf(resolve(SRC, file, "..", path!)));
}

Deno.test("every source file has its layer", () => {
  deepStrictEqual(files.map((file) => layerOf(join(SRC, file))).sort(), [...LAYERS].sort());
});

Deno.test("imports point at earlier layers only", () => {
  const upward = files.flatMap((file) => {
    const layer = LAYERS.indexOf(layerOf(join(SRC, file)));
    return importsOf(file)
      .filter((name) => LAYERS.indexOf(name) >= layer)
      .map((name) => `${file} imports ${name}`);
  });
  deepStrictEqual(upward, []);
});

Deno.test("no other source file knows the runtime, or writes to the console", () => {
  const found = files.filter((file) => !KNOWS_RUNTIME.includes(file)).flatMap((file) =>
    readFileSync(join(SRC, file), "utf8").split("\n")
      .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line))
      .filter((line) => /\b(Deno|Bun|console)\./.test(line.replace(/"Deno\.\w+"/, "")))
      .map((line) => `${file}: ${line.trim()}`)
  );
  deepStrictEqual(found, []);
});

Deno.test("only what is for OpenTelemetry needs its package", () => {
  const found = files.filter((file) => readFileSync(join(SRC, file), "utf8").includes("@opentele"));
  deepStrictEqual(found.filter((file) => !file.startsWith("otel/")), []);
});
