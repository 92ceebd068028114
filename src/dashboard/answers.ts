/** Answers of the dashboard, each with the headers that keep it from being misused. */

const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:"],
  ...["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

const SAFE = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** Text of some type, which nobody keeps unless `headers` say so. */
export function textAnswer(
  type: string,
  body: BodyInit,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Response {
  const all = { ...SAFE, "cache-control": "no-store", "content-type": type, ...headers };
  return new Response(body, { status, headers: all });
}

/** Data. */
export function jsonAnswer(value: unknown, status = 200): Response {
  return textAnswer("application/json; charset=utf-8", JSON.stringify(value), {}, status);
}

/** Why there is nothing else. */
export function errorAnswer(status: number, error: string): Response {
  return jsonAnswer({ error }, status);
}

/** A page. */
export function pageAnswer(
  html: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return textAnswer("text/html; charset=utf-8", html, headers, status);
}

/** Nothing but headers. */
export function emptyAnswer(status: number, headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status, headers: { ...SAFE, ...headers } });
}
