/** The progress bar of `worq map` on a real terminal, that of tmux. */
import { doesNotMatch, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { eventually } from "./support/eventually.ts";
import { Terminal, testInTerminal } from "./support/terminal.ts";
import { FROM_SOURCE } from "./support/worq.ts";

const TASKS = fileURLToPath(new URL("support/map_tasks.ts", import.meta.url));
const WORQ = FROM_SOURCE.command;
const BAR = /^█+░+ .*$/m;

testInTerminal("worq map: the bar follows the terminal, and Ctrl-C leaves none", async () => {
  const inputs = ["a", "stay", "b"];
  using terminal = new Terminal(
    90,
    ...WORQ,
    "map",
    `${TASKS}:unlessStay`,
    ...inputs,
    "--workers=2",
  );
  const wide = await eventually(() => terminal.screen, (screen) => / 2\/3/.test(screen));
  match(wide, /^\d+\n█{20,}░{10,} 2\/3/);

  terminal.resize(40);
  const narrow = await eventually(
    () => terminal.screen,
    (screen) => (BAR.exec(screen)?.[0].length ?? 90) < 40,
  );
  // Nothing is left of the wide one; tmux may have moved the line above out of sight.
  match(narrow, /^(\d+\n)?█+░+ 2\/3.*\n\s*$/);

  terminal.resize(90);
  await eventually(() => terminal.screen, (screen) => (BAR.exec(screen)?.[0].length ?? 0) > 80);

  terminal.press("C-c");
  const end = await eventually(() => terminal.screen, (screen) => /ended with/.test(screen));
  match(end, /^(\d+\n)?\d+\ninterrupted: 2 done in [\d.]+s\nended with 130\n\s*$/);
});

testInTerminal(
  "worq map: results, what tasks print and failures do not mix with the bar",
  async () => {
    const inputs = ["1", "2", "3", "4"];
    using terminal = new Terminal(60, ...WORQ, "map", `${TASKS}:half`, ...inputs, "--workers=1");
    const end = await eventually(() => terminal.screen, (screen) => /ended with/.test(screen));
    match(
      end,
      /^1\n2\nargument 1 \(1\): RangeError: 1 is odd\nargument 3 .* odd\n2 done, 2 failed in .*\nended with 1\n\s*$/,
    );

    using printing = new Terminal(60, ...WORQ, "map", `${TASKS}:print`, ...inputs, "--workers=1");
    const printed = await eventually(() => printing.screen, (screen) => /ended with/.test(screen));
    for (const input of inputs) match(printed, new RegExp(`^printed ${input}$`, "m"));
    doesNotMatch(printed, /[█░]/);
  },
);

testInTerminal("worq map --no-progress: no bar, but how it went", async () => {
  const args = ["map", `${TASKS}:late`, "1", "2", "--workers=1", "--no-progress"];
  using terminal = new Terminal(60, ...WORQ, ...args);
  const seen: string[] = [];
  await eventually(() => {
    seen.push(terminal.screen);
    return seen.at(-1)!;
  }, (screen) => /ended with 0/.test(screen));
  match(seen.at(-1)!, /^"1"\n"2"\n2 done in [\d.]+s\n/);
  doesNotMatch(seen.join(""), /[█░]/);
});
