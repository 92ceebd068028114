/** Resolves with the value of `probe` once it `holds`; fails with the last value after a while. */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  holds: (value: T) => boolean,
  timeout = 10_000,
): Promise<T> {
  const end = Date.now() + timeout;
  while (true) {
    const value = await probe();
    if (holds(value)) return value;
    if (Date.now() > end) {
      throw new Error(`Cannot see the expected state: last seen ${JSON.stringify(value)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
