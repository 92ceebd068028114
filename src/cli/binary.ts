/** Where a binary begins: its own first file imports this. */
export { main } from "./program.ts";
export { enterBinary } from "./self.ts";
export { unpackKit } from "./kit.ts";
