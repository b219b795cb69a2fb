// The wire to the control API: what there is (account), what is true (state), and commands. Nothing here is guessed: state is
// what api/stream said last.

import { $, data, say } from "./dom.js";

export let account = { users: [], outside: [], queues: [], groups: [], operations: [] };
export let state = null;
let offset = 0; // server's clock minus ours, ms
let changed = () => {};

/** onChange names what is to be done when there is a new state; redraw does it without one. */
export const onChange = (f) => { changed = f; };
export const redraw = () => changed();

export const now = () => Date.now() + offset;

async function ask(method, path, body) {
  const r = await fetch("api" + path, method === "GET" ? {} : { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });
  const answer = r.status === 204 ? null : await r.json().catch(() => null);
  if (!r.ok) throw new Error(answer?.error ?? `The simulator answered ${r.status}`);
  return answer;
}
export const post = (path, body) => ask("POST", path, body);

const busy = new Set();
/** press runs a command once at a time and tells a refusal in el. */
export async function press(el, name, command) {
  if (busy.has(name)) return;
  busy.add(name);
  try {
    await command();
    say(el, "");
  } catch (err) {
    say(el, err instanceof TypeError ? "Not sent: the simulator does not answer." : `Refused: ${err.message}.`);
  } finally {
    busy.delete(name);
  }
}

/** meet waits for the simulator and learns who there is and what is true. */
export async function meet() {
  for (;;) {
    try {
      account = await ask("GET", "/account");
      state = await ask("GET", "/state");
      return;
    } catch {
      link("lost", "no answer, trying again");
      await new Promise((ok) => { setTimeout(ok, 2000); });
    }
  }
}

export function listen() {
  const stream = new EventSource("api/stream");
  stream.onmessage = (m) => {
    state = JSON.parse(m.data);
    offset = Date.parse(state.now) - Date.now();
    link("live", "live");
    changed();
  };
  stream.onerror = () => {
    link("lost", "no answer, trying again");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}
function link(kind, word) {
  data($("link"), { state: kind });
  say($("link"), word);
}
