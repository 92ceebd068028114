/** {@linkcode plain}: any result of a task in the words that JSON has. */

/** What a value becomes in JSON that has no word for it: what is nearest. For `JSON.stringify`. */
export function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (value instanceof RegExp) return `${value}`;
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return [...value as Uint8Array];
  return value;
}
