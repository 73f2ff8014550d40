/** Requests to the service, and its refusals in words. */

/** The service: one folder above the console, whatever path leads to it. */
const ROOT = new URL("../", document.baseURI);

/** A request that was refused or got lost. */
export class Refusal extends Error {
  constructor(words, status = 0) {
    super(words);
    this.status = status;
  }
}

/** The JSON of an answer; null where there is none. */
export async function ask(method, path, options) {
  return parsed(await whole(await reply(method, path, options)));
}

/** Each line of an answer that comes bit by bit. */
export async function* lines(method, path, options) {
  const answer = await reply(method, path, options);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(lost);
    const complete = (rest + (value ?? "")).split("\n");
    rest = complete.pop();
    for (const line of complete) if (line) yield JSON.parse(line);
    if (done) return;
  }
}

/** A path with a query of those values that there are. */
export function query(path, values) {
  const given = Object.entries(values).filter(([, value]) => value || value === 0);
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/** The path of a request's decision or review. */
export function about(kind, id, part = "") {
  return `v1/${kind}/${encodeURIComponent(id)}${part}`;
}

async function reply(method, path, { body, headers, signal } = {}) {
  const given = { accept: "application/json", "x-facegate-console": "1", ...headers };
  if (body !== undefined) given["content-type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const options = { method, headers: given, body: sent, signal, redirect: "error" };
  const answer = await fetch(new URL(path, ROOT), options).catch(lost);
  if (answer.ok) return answer;
  const problem = parsed(await whole(answer));
  if (answer.status === 401) dispatchEvent(new Event("signed-out"));
  const words = problem?.detail ?? `The service answered with status ${answer.status}.`;
  throw new Refusal(words, answer.status);
}

function whole(answer) {
  return answer.text().catch(lost);
}

/** Fail because nothing came; what nobody waits for any more stays what it is. */
function lost(error) {
  throw error.name === "AbortError" ? error : new Refusal("The service cannot be reached.");
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
