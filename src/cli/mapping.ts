/** {@linkcode Mapping}: a task for each input, so many at a time, and their results in order. */
import { type Deferred, QueueUnavailable, TaskFailure } from "../../mod.ts";
import type { Input } from "./map_inputs.ts";
import { toJson } from "./output.ts";

/** What a mapping needs. */
export interface MappingOptions {
  /** Has a task run with this value. */
  call(value: unknown): Promise<Deferred<unknown>>;
  /** Takes whole lines; resolves when there is room for more. */
  write(lines: string): Promise<void>;
  /** Inputs that may be under way, with the results that wait for those before them. */
  readonly window: number;
  /** Whether a line has the input beside the result; then failed inputs have one, too. */
  readonly withInput: boolean;
  /** Whether the first failure ends it all. */
  readonly failFast: boolean;
  /** Number of inputs, where it is known before they are read. */
  readonly total: number | undefined;
}

/** An input without a result. */
export interface Failure {
  readonly number: number;
  readonly text: string;
  readonly reason: string;
}

/** Inputs, some at a time. */
export type Batches = AsyncIterable<readonly Input[]> | Iterable<readonly Input[]>;

interface Slot {
  /** Undefined when there is nothing to call. */
  task: Promise<Deferred<unknown>> | undefined;
  /** Characters that it keeps in memory. */
  size: number;
  /** What is to be written, once the task is over. */
  lines: string | undefined;
  failure: Failure | undefined;
}

/** Failures that are remembered; the others are counted. */
const REMEMBERED = 20;
/** Characters of inputs and results that may be under way. */
const MOST_TEXT = 32_000_000;

/** Runs inputs, until there are no more or it is stopped. */
export class Mapping {
  /** Tasks that gave a result. */
  done = 0;
  /** Inputs without a result. */
  failed = 0;
  /** Number of inputs; undefined as long as nobody knows. */
  total: number | undefined;
  /** Whether it was stopped before all inputs had their turn. */
  isStopped = false;
  /** The first failures, in the order of the inputs. */
  readonly failures: Failure[] = [];
  readonly #options: MappingOptions;
  /** In the order of the inputs. */
  readonly #slots: Slot[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  #allRead = false;
  #isOver = false;
  #text = 0;
  #news = Promise.withResolvers<void>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: MappingOptions) {
    this.#options = options;
    this.total = options.total;
  }

  /** Resolves when it was stopped. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /**
   * Resolves when every input has its result and all are written, or when it was stopped. Rejects
   * when inputs cannot be read, results cannot be written, or the queue is gone.
   */
  async run(inputs: Batches): Promise<void> {
    this.#writing = this.#write();
    const all = Promise.all([this.#read(inputs), this.#writing]);
    await Promise.race([all, this.#stopped.promise]);
  }

  /** Takes no more inputs. */
  stop(): void {
    this.isStopped = true;
    this.#stopped.resolve();
    this.#tell();
  }

  /** Ids of the tasks that are not over: they do not count any more, whatever becomes of them. */
  async unfinished(): Promise<string[]> {
    this.#isOver = true;
    const open = this.#slots.filter(({ lines }) => lines === undefined);
    const tasks = await Promise.allSettled(open.map(({ task }) => task));
    return tasks.flatMap((task) => task.status === "fulfilled" && task.value ? task.value.id : []);
  }

  /** Writes, after a stop, the results that wait for others. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#writing;
    const lines = this.#take(this.#slots.filter(({ lines }) => lines !== undefined));
    if (lines !== "") await this.#options.write(lines);
  }

  async #read(batches: Batches): Promise<void> {
    let count = 0;
    for await (const batch of batches) {
      for (const input of batch) {
        while (!this.#hasRoom && !this.isStopped) await this.#news.promise;
        if (this.isStopped) return;
        count++;
        this.#begin(input);
      }
    }
    this.total = count;
    this.#allRead = true;
    this.#tell();
  }

  get #hasRoom(): boolean {
    if (this.#slots.length === 0) return true;
    return this.#slots.length < this.#options.window && this.#text < MOST_TEXT;
  }

  #begin(input: Input): void {
    const { value, problem } = input;
    const task = problem === undefined ? this.#options.call(value) : undefined;
    const slot: Slot = { task, size: 0, lines: undefined, failure: undefined };
    this.#slots.push(slot);
    this.#resize(slot, input.text.length);
    this.#linesOf(input, task).then(
      (lines) => this.#succeed(slot, lines),
      (error) => this.#fail(slot, input, error),
    );
  }

  async #linesOf(
    { value, problem }: Input,
    task: Promise<Deferred<unknown>> | undefined,
  ): Promise<string> {
    if (task === undefined) throw new Error(problem);
    const result = toJson(await (await task).result());
    return this.#options.withInput
      ? `{"input":${toJson(value)},"result":${result}}\n`
      : `${result}\n`;
  }

  #succeed(slot: Slot, lines: string): void {
    if (this.#isOver) return;
    this.done++;
    this.#settle(slot, lines);
  }

  #fail(slot: Slot, { number, text, value }: Input, error: Error): void {
    if (this.#isOver) return;
    if (error instanceof QueueUnavailable) return this.#stopped.reject(error);
    this.failed++;
    const reason = error instanceof TaskFailure ? error.errorText : error.message;
    slot.failure = { number, text: text.slice(0, 200), reason };
    const { withInput, failFast } = this.#options;
    this.#settle(slot, withInput ? `${toJson({ input: value, error: reason })}\n` : "");
    if (failFast) this.stop();
  }

  #settle(slot: Slot, lines: string): void {
    slot.lines = lines;
    slot.task = undefined;
    this.#resize(slot, lines.length);
    this.#tell();
  }

  #resize(slot: Slot, size: number): void {
    this.#text += size - slot.size;
    slot.size = size;
  }

  async #write(): Promise<void> {
    while (!this.isStopped) {
      const open = this.#slots.findIndex(({ lines }) => lines === undefined);
      const settled = this.#slots.splice(0, open < 0 ? this.#slots.length : open);
      const lines = this.#take(settled);
      if (lines !== "") await this.#options.write(lines);
      else if (this.#slots.length === 0 && this.#allRead) return;
      else if (settled.length === 0) await this.#news.promise;
    }
  }

  /** What these have to be written, which makes room for others. */
  #take(slots: readonly Slot[]): string {
    for (const slot of slots) {
      this.#resize(slot, 0);
      if (slot.failure && this.failures.length < REMEMBERED) this.failures.push(slot.failure);
    }
    if (slots.length > 0) this.#tell();
    return slots.map(({ lines }) => lines).join("");
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
