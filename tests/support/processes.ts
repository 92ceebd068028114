/** Processes of this machine. */
import process from "node:process";

/** Whether there is a process with that id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
