/** Hash slots of Redis Cluster. */

/** Number of slots that a cluster has. */
export const SLOTS = 16_384;

const bytes = new TextEncoder();

/** The slot of a key: that of what stands between its first braces, if anything does. */
export function slotOf(key: string): number {
  const hashed = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of bytes.encode(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
