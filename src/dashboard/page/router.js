/** Where one is: what is behind the # of the address. */

/** The parts of the path, and the query. */
export function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter((part) => part !== "").map(decode);
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function link(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Changes the query of where one is, without a step in the history. */
export function setQuery(query) {
  const [path] = location.hash.split("?");
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(known).toString();
  history.replaceState(null, "", `${path || "#/"}${search && `?${search}`}`);
}

/** Where Esc leads: one level up. */
export function up({ parts }) {
  return parts[0] === "task" ? link("queue", parts[1] ?? "") : "#/";
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
