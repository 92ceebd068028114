/** Numbers, times and sizes as people read them. */
const whole = new Intl.NumberFormat("en");

export function count(n) {
  if (n === undefined || n === null) return "–";
  return n < 1_000_000 ? whole.format(n) : `${(n / 1_000_000).toFixed(n < 10_000_000 ? 2 : 1)} M`;
}

/** So many a second. */
export function rate(n) {
  if (!n) return "0";
  if (n < 10) return n.toFixed(1);
  return whole.format(Math.round(n));
}

/** Milliseconds. */
export function span(ms) {
  if (ms === undefined || ms === null) return "–";
  if (ms < 1) return ms <= 0 ? "0 ms" : "<1 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

export function bytes(n) {
  if (n === undefined || n === null) return "–";
  if (n < 1_000_000) return `${Math.round(n / 1_000)} kB`;
  if (n < 1_000_000_000) return `${Math.round(n / 1_000_000)} MB`;
  return `${(n / 1_000_000_000).toFixed(1)} GB`;
}

/** How long ago, or in how long, by the server's clock. */
export function relative(at, now) {
  if (at === undefined || at === null) return "–";
  return at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`;
}

/** A time of day; of another day, with the date. */
export function clock(at, seconds = true) {
  const date = new Date(at);
  const time = date.toLocaleTimeString("en-GB", seconds ? {} : { timeStyle: "short" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toLocaleDateString("en-CA")} ${time}`;
}

/** Of one thing, or of several. */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Marks that turn or hide what is beside them, told by their numbers. */
export function plain(text) {
  const told = (mark) => `\\u${mark.codePointAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(/[\p{Cc}\p{Cf}]/gu, told);
}

/** The beginning of a text that is too long. */
export function short(text, length) {
  const characters = [...text.slice(0, 2 * length)];
  return characters.length <= length && text.length <= 2 * length
    ? text
    : `${characters.slice(0, length - 1).join("")}…`;
}
