/** Requests to the server that this page came from. */
const token = document.querySelector('meta[name="worq-token"]')?.content ?? "";

export function get(path, query = {}, signal) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(known).toString();
  return ask(`api/${path}${search && `?${search}`}`, { signal });
}

export function post(body) {
  return ask("api/action", {
    method: "POST",
    headers: { "content-type": "application/json", "x-worq-token": token },
    body: JSON.stringify(body),
  });
}

async function ask(url, init) {
  const response = await fetch(url, init);
  const answer = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const error = new Error(answer?.error ?? `the server answered ${response.status}`);
  error.status = response.status;
  throw error;
}
