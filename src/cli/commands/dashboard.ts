/** `worq dashboard`: a page that shows queues, pools and tasks. */
import { randomBytes } from "node:crypto";
import process from "node:process";
import { Command } from "commander";
import { Board } from "../../dashboard/board.ts";
import { dashboardOf } from "../../dashboard/handler.ts";
import { queuesOption, setting, urlOption } from "../options.ts";
import { note, writeLine } from "../output.ts";
import { type Address, address } from "../values.ts";
import { serveWeb } from "../web_server.ts";
import { refuseMemory } from "./call.ts";

interface DashboardSettings {
  url: string;
  queue?: string[];
  listen: Address;
  token?: string;
  readOnly?: boolean;
}

const DEFAULT_LISTEN = "127.0.0.1:4680";

const HELP = `
It is for this machine alone, unless --listen says otherwise; then it needs a token, and makes one
when none is given. Arguments, results and contexts are shown without what stands under keys such as
password, token or apiKey.

Examples
  worq dashboard --url redis://host:6379
  worq dashboard --queue mail,images --read-only
  WORQ_TOKEN=… worq dashboard --listen :4680     for other machines
`;

/** The command `dashboard`. */
export function dashboardCommand(): Command {
  return new Command("dashboard")
    .description("serve a page that shows queues, pools and tasks, and acts on them")
    .addOption(urlOption())
    .addOption(queuesOption().default(undefined, "all that the server has"))
    .addOption(
      setting("--listen <address>", "where to serve it").argParser(address)
        .default(address(DEFAULT_LISTEN), DEFAULT_LISTEN),
    )
    .addOption(setting("--token <text>", "what visitors have to know"))
    .addOption(setting("--read-only", "nothing can be changed from it"))
    .addHelpText("after", HELP)
    .action(serve);
}

async function serve(settings: DashboardSettings): Promise<void> {
  const { url, queue, listen, readOnly = false } = settings;
  refuseMemory(url, "look at the queues");
  const isLocal = /^(localhost|127\..*|::1)$/.test(listen.host);
  const token = settings.token ?? (isLocal ? undefined : randomBytes(18).toString("base64url"));
  const board = new Board({ url, ...(queue !== undefined && { queues: queue }) });
  await using page = dashboardOf(board, {
    readOnly,
    base: "/",
    ...(token !== undefined && { token }),
  });
  // A wrong URL is told at once.
  await board.reach();
  await board.brokers(); // the list of queues, which may take a while, is begun
  const ended = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.resolve());
  await using server = await serveWeb(listen, "--listen", page);
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const query = token === undefined ? "" : `?token=${encodeURIComponent(token)}`;
  await writeLine(`http://${host}:${server.port}/${query}`);
  note("serving until Ctrl-C");
  await ended.promise;
}
