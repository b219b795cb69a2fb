// The phones page. It shows what api/stream says and never what it expects; a press only sends a command to the control API.
//
// What a browser test may rely on (data-testid; ROLE is outside, agent or consult):
//   link                     data-state waiting | live | lost: the state stream
//   phone-ROLE               one phone; data-number is whose it is, data-plate free | off | ring | talk | hold | mail | lines
//   ROLE-who                 select: which person or number this phone plays (kept in the hash: #outside=…&agent=102&consult=107)
//   ROLE-plate, ROLE-socket, ROLE-said    state word; gateway socket of that extension; the last refusal, in words
//   ROLE-leg                 one live call: data-line 1, 2 … (a line keeps its number while it lives), data-session, data-party,
//                            data-code (RingCentral's word), data-state ring | calls | talk | hold | mail | silent
//   ROLE-gone                a call that this phone has left: data-session, data-code, data-reason
//   ROLE-answer-N, ROLE-decline-N, ROLE-hold-N, ROLE-unhold-N, ROLE-hangup-N    N is the line; there only when allowed
//   ROLE-dial, ROLE-call     number field and its button
//   cord-A-B                 data-kind audio | silent | rings; A, B are ROLEs
//   story-play, story-step, story-x1, story-x4, story-reset, story-say, story-steps
//   step-1 … step-8          data-step todo | now | done, with data-at (seconds since the story began)
//   say                      data-kind idle | on | turn | lost | end;  open-app: link to Cordboard
//   fault-cut, fault-hold, fault-release, fault-shuffle, fault-refuse, fault-lose, fault-voicemail, fault-hangup, fault-busy,
//   fault-clear, fault-restart, break-said
//   tape, tape-count; each row of tape has data-session, data-seq, data-code

const ROLES = ["outside", "agent", "consult"];
const TITLE = { outside: "Outside caller", agent: "Agent’s phone", consult: "Consult’s phone" };
const $ = (id) => document.getElementById(id);

// ---- Documents -----------------------------------------------------------------------------------------------------------

/** h makes an element; an attribute that is null or undefined is left out. */
function h(tag, attrs = {}, ...kids) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) if (v != null) el.setAttribute(k, v);
  el.append(...kids);
  return el;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attrs = {}, ...kids) {
  const el = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attrs)) el.setAttribute(k, v);
  el.append(...kids);
  return el;
}

/** say sets a text only when it differs, so that live regions speak once. */
function say(el, text) { if (el.textContent !== text) el.textContent = text; }
function attr(el, name, value) { if (el.getAttribute(name) !== value) el.setAttribute(name, value); }
function data(el, values) { for (const [k, v] of Object.entries(values)) if (el.dataset[k] !== v) el.dataset[k] = v; }

/** keyed makes parent's children be the items, in order; what stays keeps its element. Focus of what goes falls to its heading. */
function keyed(parent, items, make, update) {
  const kept = new Map([...parent.children].map((el) => [el.dataset.key, el]));
  const keys = new Set(items.map((i) => i.key));
  for (const [key, el] of kept) {
    if (keys.has(key)) continue;
    const orphan = el.contains(document.activeElement);
    el.remove();
    if (orphan) parent.closest("section")?.querySelector("h2")?.focus({ preventScroll: true });
  }
  items.forEach((item, i) => {
    const el = kept.get(item.key) ?? make(item);
    el.dataset.key = item.key;
    update?.(el, item);
    if (parent.children[i] !== el) parent.insertBefore(el, parent.children[i] ?? null);
  });
}

/** buttons shows a list of {key: testid, word, label, press, off}; off is a reason: shown dashed, focusable, does nothing. */
function buttons(parent, list) {
  keyed(parent, list, (b) => {
    const el = h("button", { type: "button", class: "key", "data-testid": b.key });
    el.addEventListener("click", () => { if (el.getAttribute("aria-disabled") !== "true") el.press(); });
    return el;
  }, (el, b) => {
    el.press = b.press;
    say(el, b.word);
    attr(el, "aria-label", b.off ? `${b.label} (${b.off})` : b.label);
    attr(el, "aria-disabled", String(Boolean(b.off)));
    if (b.pressed != null) attr(el, "aria-pressed", String(b.pressed));
  });
}

// ---- The wire ------------------------------------------------------------------------------------------------------------

let account = { users: [], outside: [] };
let state = null;
let offset = 0; // server's clock minus ours, ms

const now = () => Date.now() + offset;

async function ask(method, path, body) {
  const r = await fetch("api" + path, method === "GET" ? {} : { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });
  const answer = r.status === 204 ? null : await r.json().catch(() => null);
  if (!r.ok) throw new Error(answer?.error ?? `The simulator answered ${r.status}`);
  return answer;
}
const post = (path, body) => ask("POST", path, body);

const busy = new Set();
/** press runs a command once at a time and tells a refusal in el. */
async function press(el, name, command) {
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

function listen() {
  const stream = new EventSource("api/stream");
  stream.onmessage = (m) => {
    state = JSON.parse(m.data);
    offset = Date.parse(state.now) - Date.now();
    link("live", "live");
    story.look();
    render();
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

// ---- What the state means ------------------------------------------------------------------------------------------------

const alive = (p) => p.code !== "Disconnected" && p.code !== "Gone";
const ringing = (p) => p.code === "Setup" || p.code === "Proceeding";
const ext = (number) => account.users.find((u) => u.extensionNumber === number);
const outsider = (number) => state?.outside.find((o) => o.number === number) ?? account.outside.find((o) => o.number === number);
const nameOf = (number) => clean(ext(number)?.name || outsider(number)?.name || "") || pretty(number);
const first = (number) => nameOf(number).split(" ")[0];
const session = (id) => state?.sessions.find((s) => s.id === id);

/** clean makes a caller's name fit to show: no control and direction characters, 64 at most. */
const clean = (name) => [...name.replace(/\p{C}/gu, "")].slice(0, 64).join("").trim();

/** pretty spaces a North American number; every other one stays as it is. */
function pretty(number) {
  const m = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return m ? `+1 ${m[1]} ${m[2]} ${m[3]}` : number;
}
const label = (p) => (p.extensionNumber ? `ext. ${p.extensionNumber}` : pretty(p.number));

/** circle is the session and all that is bridged to it. */
function circle(id) {
  const all = [id];
  for (let i = 0; i < all.length; i++) for (const j of session(all[i])?.joined ?? []) if (!all.includes(j)) all.push(j);
  return all.map(session).filter(Boolean);
}

const hears = (a, b) => state.audio.some(([x, y]) => (x.party === a && y.party === b) || (x.party === b && y.party === a));

/** short is the first signs of an id, as few as tell it from the others, at least four. */
function short(id) {
  const others = new Set([...state.sessions.map((s) => s.id), ...state.tape.map((t) => t.session)]);
  others.delete(id);
  let n = 6;
  while (n < id.length && [...others].some((o) => o.startsWith(id.slice(0, n)))) n++;
  return id.slice(0, n);
}
const partyShort = (id) => "p-" + id.slice(id.lastIndexOf("-") + 1);

const sessionsNow = () => state?.sessions ?? [];
const mine = (number) => (p) => (p.extensionNumber ? p.extensionNumber === number : p.number === number);

/** legs are the live parties of a number, oldest first, with what its phone would know of them. */
function legs(number) {
  return sessionsNow().flatMap((s) => s.parties.filter((p) => mine(number)(p) && alive(p)).map((p) => {
    const ring = circle(s.id);
    const far = ring.flatMap((c) => c.parties).filter((o) => o.id !== p.id && alive(o));
    const joined = ring.length > 1;
    const voice = far.find((o) => hears(p.id, o.id));
    const other = voice ?? far.find((o) => !ringing(o)) ?? far[0];
    const inCall = (p.code === "Answered" || p.code === "Hold") && p.answeredAt !== "";
    const heldBy = p.code === "Hold" ? p : inCall ? far.find((o) => o.code === "Hold") : undefined;
    const box = far.find((o) => o.code === "VoiceMail");
    let kind = "silent", since = p.since;
    if (p.code === "VoiceMail" || (box && inCall)) { kind = "mail"; since = (box ?? p).since; }
    else if (!inCall) kind = p.direction === "Inbound" ? "ring" : "calls";
    else if (heldBy) { kind = "hold"; since = heldBy.since; }
    else if (voice) { kind = "talk"; since = [p.since, voice.since].sort()[1]; }
    return { s, p, other, joined, kind, since, inCall, far };
  }));
}

/** lately are the parties of a number that left: at most two, for 30 s, or while a call goes on without it. */
function lately(number) {
  return sessionsNow().flatMap((s) => s.parties.filter((p) => mine(number)(p) && !alive(p) && (now() - Date.parse(p.since) < 30000 || (s.alive && p.code === "Gone"))).map((p) => ({ s, p }))).slice(-2);
}

function clock(since) {
  const s = Math.max(0, Math.floor((now() - Date.parse(since)) / 1000));
  const m = Math.floor(s / 60);
  return m < 60 ? `${m}:${String(s % 60).padStart(2, "0")}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}`;
}

// ---- Who plays which phone -----------------------------------------------------------------------------------------------

const cast = { outside: "", agent: "", consult: "" };

/** choose fills the cast from the hash, else: an agent, the last of that team, the first outside caller. */
function choose() {
  const wish = new URLSearchParams(location.hash.slice(1));
  const agents = account.users.filter((u) => u.roles.includes("Agent"));
  const people = agents.length > 1 ? agents : account.users;
  const known = (n) => (ext(n) ? n : undefined);
  cast.outside = account.outside.some((o) => o.number === wish.get("outside")) ? wish.get("outside") : account.outside[0]?.number ?? "";
  cast.agent = known(wish.get("agent")) ?? people[0]?.extensionNumber ?? "";
  const team = people.filter((u) => u.extensionNumber !== cast.agent && u.team === ext(cast.agent)?.team);
  const wanted = wish.get("consult") === cast.agent ? undefined : known(wish.get("consult"));
  cast.consult = wanted ?? (team.at(-1) ?? people.find((u) => u.extensionNumber !== cast.agent))?.extensionNumber ?? "";
}

function remember() {
  history.replaceState(null, "", "#" + new URLSearchParams(cast));
}

// ---- Phones --------------------------------------------------------------------------------------------------------------

const phones = {};

function makePhone(role) {
  const title = `${role}-title`;
  const el = h("section", { class: "phone", "data-testid": `phone-${role}`, "aria-labelledby": title });
  const part = {
    el,
    plate: h("span", { class: "plate", "data-testid": `${role}-plate` }),
    who: h("select", { class: "who", "aria-label": `${TITLE[role]}: who it is`, "data-testid": `${role}-who` }),
    socket: h("p", { class: "socket mono aside", "data-testid": `${role}-socket` }),
    legs: h("ul", { class: "legs", "aria-label": `${TITLE[role]}: calls` }),
    gone: h("ul", { "aria-label": `${TITLE[role]}: calls it has left` }),
    said: h("p", { class: "trouble", role: "status", "data-testid": `${role}-said` }),
    acts: h("div", { class: "keys" }),
    number: h("input", { type: "text", inputmode: "tel", autocomplete: "off", spellcheck: "false", "aria-label": `${TITLE[role]}: number to call`, "data-testid": `${role}-dial` }),
    call: h("button", { class: "key", "data-testid": `${role}-call` }, "Call"),
    lines: new Map(),
    typed: false,
  };
  part.dial = h("form", { class: "dial" }, part.number, part.call);
  part.number.addEventListener("input", () => { part.typed = true; });
  part.who.addEventListener("change", () => {
    cast[role] = part.who.value;
    for (const p of Object.values(phones)) { p.typed = false; p.lines.clear(); say(p.said, ""); }
    remember();
    story.forget();
    render();
  });
  part.dial.addEventListener("submit", (e) => {
    e.preventDefault();
    const to = part.number.value.trim();
    if (!to || part.call.getAttribute("aria-disabled") === "true") return;
    press(part.said, `${role}-call`, () => dial(role, to));
  });
  el.append(h("header", {}, h("h2", { id: title, tabindex: "-1" }, TITLE[role]), part.plate), h("span", { class: "whose" }, part.who), part.socket, part.legs, part.gone, part.said, part.acts);
  part.dial.dataset.key = "dial";
  part.acts.append(part.dial);
  return part;
}

const dial = (role, to) => (role === "outside" ? post("/calls", { from: cast.outside, to }) : post(`/phones/${encodeURIComponent(cast[role])}/dial`, { to }));
const act = (role, verb, id) => post(`/${role === "outside" ? "outside" : "phones"}/${encodeURIComponent(cast[role])}/${verb}`, { telephonySessionId: id });

/** lines gives each live call of a phone the lowest free number and lets it keep it. */
function lines(part, list) {
  const live = new Set(list.map((l) => l.p.id));
  for (const id of part.lines.keys()) if (!live.has(id)) part.lines.delete(id);
  for (const l of list) {
    if (!part.lines.has(l.p.id)) {
      let n = 1;
      while ([...part.lines.values()].includes(n)) n++;
      part.lines.set(l.p.id, n);
    }
    l.line = part.lines.get(l.p.id);
  }
  return list.sort((a, b) => a.line - b.line);
}

const PLATE = { ring: "Ringing", calls: "Calling", talk: "Talking", hold: "On hold", mail: "Voicemail", silent: "Silent" };
const GLYPH = { ring: "ring", calls: "ring", talk: "talk", hold: "hold", mail: "mail", silent: "none" };
const letter = (n) => String.fromCharCode(64 + n);

function showPhone(role) {
  const part = phones[role], number = cast[role];
  showWho(role, part);
  const list = lines(part, legs(number));
  const online = role === "outside" || state.phones.find((p) => p.extensionNumber === number)?.online !== false;
  const kind = list.length > 1 ? "lines" : list.length === 1 ? list[0].kind : online ? "free" : "off";
  const plate = { calls: "ring", silent: "talk" }[kind] ?? kind;
  data(part.el, { number, plate });
  data(part.plate, { plate });
  say(part.plate, list.length > 1 ? `${list.length} lines` : list.length === 1 ? PLATE[list[0].kind] : online ? "Free" : "Offline");
  say(part.socket, role === "outside" ? shownAs(number) : sockets(number));

  const many = list.length > 1 || list[0]?.line > 1;
  keyed(part.legs, list.map((l) => ({ key: l.p.id, ...l })), () => makeLeg(role), (el, l) => {
    data(el, { line: String(l.line), session: l.s.id, party: l.p.id, code: l.p.code, state: l.kind });
    const inside = l.far.length > 0 && l.far.every((o) => o.extensionNumber);
    const shape = role === "outside" || !inside && role === "agent" ? "round" : "square";
    attr(el.jack, "href", `#jack-${shape}`);
    attr(el.glyph, "href", `#glyph-${GLYPH[l.kind]}`);
    say(el.at, many ? letter(l.line) : "");
    el.at.hidden = !many;
    say(el.name, withWhom(l, many));
    say(el.ids, `${short(l.s.id)} ${partyShort(l.p.id)} ${l.p.code}${holds(l.p)}${l.p.muted ? ", muted" : ""}`);
    attr(el.ids, "title", `${l.s.id} ${l.p.id}`);
    say(el.word, `, ${PLATE[l.kind]}`);
    el.time.dataset.since = l.since;
    say(el.time, clock(l.since));
  });
  keyed(part.gone, lately(number).map((g) => ({ key: g.p.id, ...g })), () => {
    const el = h("li", { class: "gone", "data-testid": `${role}-gone` }, svg("svg", { viewBox: "0 0 22 22", "aria-hidden": "true" }, svg("use", { href: "#glyph-gone" })));
    el.append(el.words = h("span"));
    return el;
  }, (el, g) => {
    data(el, { session: g.s.id, code: g.p.code, reason: g.p.reason });
    say(el.words, `${short(g.s.id)} ${partyShort(g.p.id)} ${g.p.code}${g.p.reason ? " " + g.p.reason : ""}`);
  });

  const actor = nameOf(number);
  const groups = list.map((l) => ({ key: l.p.id, l, list: controls(role, l, many, actor) })).filter((g) => g.list.length > 0);
  keyed(part.acts, [...groups, { key: "dial" }], (g) => h("div", { class: "acts", role: "group", "aria-label": `${TITLE[role]}: call ${letter(g.l.line)}` }), (el, g) => { if (g.l) buttons(el, g.list); });

  const wait = list.find((l) => l.kind === "calls");
  const off = !online ? "the phone is offline" : role === "outside" && list.length > 0 ? "this telephone is in a call" : wait ? "it is calling already" : "";
  attr(part.call, "aria-disabled", String(Boolean(off)));
  attr(part.call, "aria-label", `Call: ${actor} dials this number` + (off ? ` (${off})` : ""));
  if (!part.typed && document.activeElement !== part.number) part.number.value = { outside: cast.agent, agent: cast.consult, consult: cast.agent }[role];
}

/** withWhom says who is at the other side, as this phone's display would. */
function withWhom(l, lettered) {
  if (!l.other) return "nobody";
  if (lettered) return label(l.other);
  if (l.joined) return `with ${label(l.other)}`;
  return (l.p.direction === "Outbound" ? "to " : "from ") + label(l.other);
}

function holds(p) {
  if (p.code !== "Hold") return "";
  return p.restHold ? (p.deviceHold ? ", by phone and REST" : ", by REST") : ", by phone";
}

function controls(role, l, many, actor) {
  const at = many ? ` ${letter(l.line)}` : "";
  const whom = l.other ? label(l.other) : "nobody";
  const b = (verb, word, text) => ({
    key: `${role}-${verb}-${l.line}`, word: word + at, label: `${word}${at}: ${actor} ${text} ${whom}`,
    press: () => press(phones[role].said, `${role}-${verb}-${l.line}`, () => act(role, verb, l.s.id)),
  });
  if (l.p.code === "VoiceMail") return [];
  if (l.kind === "ring") return [b("answer", "Answer", "answers"), b("decline", "Decline", "declines")];
  const out = [];
  if (role !== "outside" && l.inCall && l.kind !== "mail") out.push(l.p.deviceHold ? b("unhold", "Unhold", "takes off hold") : b("hold", "Hold", "puts on hold"));
  out.push(many ? b("hangup", "End", "ends the call with") : b("hangup", "Hang up", "ends the call with"));
  return out;
}

function makeLeg(role) {
  const jack = svg("use"), glyph = svg("use", { class: "glyph" });
  const at = h("span", { class: "line" }), name = h("bdi"), word = h("span", { class: "unseen" }), ids = h("span", { class: "ids" }), time = h("span", { class: "clock" });
  const mark = svg("svg", { class: "jack", viewBox: "0 0 22 22", "aria-hidden": "true" }, jack, glyph);
  const el = h("li", { class: "leg", "data-testid": `${role}-leg` }, mark, h("span", { class: "name" }, at, name, word), time, ids);
  return Object.assign(el, { jack, glyph, at, name, word, ids, time });
}

function shownAs(number) {
  const name = clean(outsider(number)?.name ?? "");
  return name ? `shows as ${name}` : "shows no name";
}

function sockets(number) {
  const open = state.sockets.filter((s) => s.extensionNumber === number);
  if (open.length === 0) return "no socket";
  const filters = open.reduce((n, s) => n + (s.filters?.length ?? 0), 0);
  return `${open.length === 1 ? "socket" : open.length + " sockets"}, ${filters === 1 ? "1 filter" : filters + " filters"}`;
}

function showWho(role, part) {
  const choices = role === "outside"
    ? state.outside.map((o) => ({ value: o.number, text: `${pretty(o.number)} ${clean(o.name)}`.trim() }))
    : account.users.map((u) => ({ value: u.extensionNumber, text: `${u.name}, ext. ${u.extensionNumber}`, taken: u.extensionNumber === cast[role === "agent" ? "consult" : "agent"] }));
  keyed(part.who, choices.map((c) => ({ key: c.value, ...c })), (c) => h("option", { value: c.value }), (el, c) => {
    say(el, c.text);
    if (el.disabled !== Boolean(c.taken)) el.disabled = Boolean(c.taken);
  });
  if (part.who.value !== cast[role]) part.who.value = cast[role];
}

// ---- Cords ---------------------------------------------------------------------------------------------------------------

const EDGES = [["outside", "agent"], ["agent", "consult"], ["outside", "consult"]];

function showCords() {
  const box = $("phones").getBoundingClientRect();
  const flat = phones.outside.el.getBoundingClientRect().right < phones.agent.el.getBoundingClientRect().left;
  const at = (role, leg) => {
    const card = phones[role].el.getBoundingClientRect();
    const row = [...phones[role].legs.children].find((el) => el.dataset.party === leg.p.id)?.getBoundingClientRect() ?? card;
    return { left: card.left - box.left, right: card.right - box.left, top: card.top - box.top, bottom: card.bottom - box.top, y: row.top - box.top + row.height / 2 };
  };
  const found = [];
  for (const [a, b] of EDGES) {
    for (const x of legs(cast[a])) {
      const ring = circle(x.s.id).map((s) => s.id);
      for (const y of legs(cast[b])) {
        if (!ring.includes(y.s.id)) continue;
        const kind = hears(x.p.id, y.p.id) ? "audio" : [x.kind, y.kind].some((k) => k === "ring" || k === "calls") ? "rings" : "silent";
        found.push({ key: `${a}-${b} ${x.s.id} ${y.s.id}`, a, b, kind, ...(flat ? across : down)(a, b, at(a, x), at(b, y), at("agent", x)) });
      }
    }
  }
  keyed($("cords"), found, (c) => svg("g", { "data-testid": `cord-${c.a}-${c.b}` }), (el, c) => {
    if (el.dataset.kind === c.kind && el.dataset.path === c.path && el.dataset.label === `${c.x} ${c.y}`) return;
    data(el, { kind: c.kind, path: c.path, label: `${c.x} ${c.y}` });
    const names = c.kind === "audio" ? ["cord-case", "cord-core", "cord-twill"] : [`cord-${c.kind}`];
    el.replaceChildren(...names.map((name) => svg("path", { class: name, d: c.path })), svg("text", { x: c.x, y: c.y }, c.kind));
  });
}

const r = (n) => Math.round(n * 2) / 2;

/** across: neighbours straight at the agent's line; caller and consult below the agent, who is out. */
function across(a, b, from, to, agent) {
  if (b === "consult" && a === "outside") {
    const low = agent.bottom + 32, x1 = (from.right + agent.left) / 2, x2 = (agent.right + to.left) / 2;
    return { path: bend([[from.right, from.y], [x1, from.y], [x1, low], [x2, low], [x2, to.y], [to.left, to.y]]), x: r((x1 + x2) / 2), y: r(low - 12) };
  }
  const y = a === "agent" ? from.y : to.y;
  return { path: bend([[from.right, y], [to.left, y]]), x: r((from.right + to.left) / 2), y: r(y - 12) };
}

/** down: everything runs in the rail left of the phones. */
function down(a, b, from, to) {
  const x = b === "consult" && a === "outside" ? 5 : 12;
  const gap = a === "agent" || b === "agent" ? (from.bottom + to.top) / 2 : from.bottom + 17;
  return { path: bend([[from.left, from.y], [x, from.y], [x, to.y], [to.left, to.y]]), x: 52, y: r(gap + 5) };
}

/** bend draws a line through points with rounded corners. */
function bend(points) {
  let d = `M${r(points[0][0])} ${r(points[0][1])}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [p, q, s] = [points[i - 1], points[i], points[i + 1]];
    const cut = (u, v) => {
      const len = Math.hypot(v[0] - u[0], v[1] - u[1]), k = Math.min(10, len / 2) / (len || 1);
      return [r(u[0] + (v[0] - u[0]) * k), r(u[1] + (v[1] - u[1]) * k)];
    };
    d += `L${cut(q, p).join(" ")}Q${r(q[0])} ${r(q[1])} ${cut(q, s).join(" ")}`;
  }
  const last = points.at(-1);
  return d + `L${r(last[0])} ${r(last[1])}`;
}

// ---- The story -----------------------------------------------------------------------------------------------------------

/** party is the newest party of a number in a session. */
const party = (id, number) => session(id)?.parties.findLast(mine(number));

/** Each step: what it does (some are only watched), when it is seen to be true, and the pause before the next one. */
const STEPS = [
  {
    word: () => `Outside caller rings ${cast.agent}`, said: () => `${nameOf(cast.outside)} rings ${first(cast.agent)}, ext. ${cast.agent}.`, pause: 3000,
    do: async (t) => { t.customer = (await post("/calls", { from: cast.outside, to: cast.agent })).telephonySessionId; },
    seen: (t) => t.customer && party(t.customer, cast.agent) && party(t.customer, cast.agent).code !== "Setup",
  },
  {
    word: () => "Agent answers", said: () => `${first(cast.agent)} answers. They talk.`, pause: 4000,
    do: (t) => act("agent", "answer", t.customer),
    seen: (t) => Boolean(party(t.customer, cast.agent)?.answeredAt),
  },
  {
    word: () => "Agent holds the caller", said: () => `${first(cast.agent)} puts the caller on hold: no sound flows.`, pause: 2500,
    do: (t) => act("agent", "hold", t.customer),
    seen: (t) => party(t.customer, cast.agent)?.code === "Hold",
  },
  {
    word: () => `Agent calls ext. ${cast.consult}`, said: () => `${first(cast.agent)} calls ${nameOf(cast.consult)} while the caller waits.`, pause: 3500,
    do: async (t) => { t.consult = (await dial("agent", cast.consult)).telephonySessionId; },
    seen: (t) => {
      t.consult ||= sessionsNow().find((s) => s.alive && s.id !== t.customer && s.parties.some((p) => mine(cast.agent)(p) && p.direction === "Outbound" && alive(p)) && s.parties.some((p) => mine(cast.consult)(p) && alive(p)))?.id ?? "";
      return t.consult && party(t.consult, cast.consult) && party(t.consult, cast.consult).code !== "Setup";
    },
  },
  {
    word: () => `ext. ${cast.consult} answers`, said: () => `${first(cast.consult)} answers and hears what it is about.`, pause: 1500,
    do: (t) => act("consult", "answer", t.consult),
    seen: (t) => { const p = party(t.consult, cast.consult); return p?.answeredAt && p.code !== "VoiceMail"; },
  },
  {
    word: () => "You press Complete", said: () => "RingCentral was asked to join the two calls.",
    seen: (t) => session(t.customer)?.joined.includes(t.consult) || party(t.customer, cast.agent)?.code === "Gone",
  },
  {
    word: () => "Both legs leave the agent", said: () => `${first(cast.agent)} has left both calls.`,
    seen: (t) => [t.customer, t.consult].every((id) => { const p = party(id, cast.agent); return p && !alive(p); }),
  },
  {
    word: () => `Caller and ${cast.consult} talk`, said: () => `${nameOf(cast.outside)} and ${nameOf(cast.consult)} are talking. ${first(cast.agent)} has left both calls.`,
    seen: (t) => { const a = party(t.customer, cast.outside), b = party(t.consult, cast.consult); return a && b && hears(a.id, b.id); },
  },
];
const TURN = 5; // the step that is the newcomer's own

const story = {
  t: { customer: "", consult: "" }, at: [], zero: 0, playing: false, pace: 1, due: 0, sent: -1, doing: false, trouble: "", // sent: the step that was asked for last

  begun() { return this.zero > 0; },
  done() { return this.at.length === STEPS.length; },
  turn() { return this.at.length === TURN && !this.trouble && (!this.playing || now() >= this.due); },

  forget() {
    Object.assign(this, { t: { customer: "", consult: "" }, at: [], zero: 0, playing: false, due: 0, sent: -1, trouble: "" });
    this.keep();
  },

  /** look ticks off what the state shows, says what went wrong, and goes on when the pause is over. */
  look() {
    if (this.begun() && !this.done() && !this.trouble) {
      while (!this.done() && STEPS[this.at.length].seen(this.t)) {
        this.at.push((now() - this.zero) / 1000);
        this.due = now() + (STEPS[this.at.length - 1].pause ?? 0) / this.pace;
        if (this.done()) this.playing = false;
      }
      this.trouble = this.done() || this.doing ? "" : this.lost();
      if (this.trouble) this.playing = false;
      this.keep();
    }
    if (this.playing && this.sent < this.at.length && now() >= this.due) this.next();
  },

  lost() {
    const s = session(this.t.customer), c = session(this.t.consult), agent = first(cast.agent);
    if (this.t.customer && this.at.length > 0 && !s?.alive) return "The caller’s call has ended, so there is nothing left to transfer.";
    if (this.at.length > 1 && this.at.length <= TURN && !alive(party(this.t.customer, cast.agent) ?? { code: "Gone" })) return `${agent} has left the caller’s call.`;
    if (this.at.length === 1 && s?.parties.some((p) => p.code === "VoiceMail")) return `Nobody answered: ${agent}’s voicemail took the call.`;
    if (this.t.consult && c?.parties.some((p) => p.code === "VoiceMail" && alive(p))) return `${first(cast.consult)}’s voicemail answered. Look at Cordboard: Complete transfer is off and says why.`;
    if (this.t.consult && this.at.length > 3 && this.at.length <= TURN && (!c?.alive || !alive(party(this.t.consult, cast.agent) ?? { code: "Gone" }))) return `The call to ${first(cast.consult)} has ended and the caller still waits. Look at Cordboard, or press Reset.`;
    return "";
  },

  async next() {
    const step = STEPS[this.at.length];
    if (!step?.do || this.doing || this.sent === this.at.length) return;
    this.doing = true;
    try {
      if (this.at.length === 0) {
        await endCalls();
        this.zero = now();
      }
      this.sent = this.at.length;
      await step.do(this.t);
    } catch (err) {
      this.playing = false;
      this.trouble = err instanceof TypeError ? "Not sent: the simulator does not answer." : `The simulator refused: ${err.message}.`;
    } finally {
      this.doing = false;
    }
    this.look();
    render();
  },

  play() {
    if (this.done() || this.trouble) this.forget();
    if (this.at.length >= TURN) return;
    this.playing = !this.playing;
    this.due = this.playing ? 0 : this.due;
    this.look();
    render();
  },

  step() {
    if (this.done() || this.trouble) this.forget();
    this.playing = false;
    this.next();
    render();
  },

  async reset() {
    this.forget();
    render();
    await endCalls();
    await post("/faults", { clear: true });
  },

  /** keep and recall let the story survive a reload in the middle. */
  keep() {
    const { t, at, zero, pace } = this;
    sessionStorage.setItem("story", JSON.stringify({ t, at, zero, pace, cast }));
  },
  recall() {
    const k = JSON.parse(sessionStorage.getItem("story") ?? "null");
    if (k?.zero && ROLES.every((role) => k.cast[role] === cast[role]) && session(k.t.customer)?.alive) Object.assign(this, { t: k.t, at: k.at, zero: k.zero, pace: k.pace });
  },
};

/** endCalls hangs up whatever the three phones are in; a call that ended meanwhile is no trouble. */
async function endCalls() {
  const ended = new Set();
  for (const role of ROLES) {
    for (const l of legs(cast[role])) {
      if (ended.has(l.s.id)) continue;
      for (const s of circle(l.s.id)) ended.add(s.id);
      await act(role, "hangup", l.s.id).catch(() => undefined);
    }
  }
}

function showStory() {
  const n = story.at.length, turn = story.turn();
  const word = story.done() || story.trouble ? "Play it again" : turn ? "Your turn" : story.playing ? "Pause" : story.begun() ? "Go on" : "Play the story";
  say($("play-word"), word);
  attr($("play"), "aria-disabled", String(turn));
  attr($("play-shape"), "d", word === "Pause" ? "M3 1h5v20H3zM12 1h5v20h-5z" : turn ? "M3 4h14v14H3z" : "M2 1l17 10L2 21z");
  attr($("step"), "aria-disabled", String(!story.trouble && n >= TURN && !story.done()));
  attr($("step"), "aria-label", n < TURN && !story.trouble ? `Step: ${STEPS[n].word()}` : "Step");
  for (const b of document.querySelectorAll("[data-pace]")) attr(b, "aria-pressed", String(Number(b.dataset.pace) === story.pace));

  const current = turn ? TURN : story.done() ? -1 : n - 1;
  keyed($("steps"), STEPS.map((s, i) => ({ key: String(i + 1), s, i })), (item) => {
    const el = h("li", { "data-testid": `step-${item.key}` });
    el.append(el.nth = h("span", { class: "nth" }), el.word = h("span"), el.time = h("span", { class: "at" }));
    return el;
  }, (el, { s, i }) => {
    const done = i < n;
    data(el, { step: i === current ? "now" : done ? "done" : "todo", at: done ? story.at[i].toFixed(1) : "" });
    if (i === current) attr(el, "aria-current", "step"); else el.removeAttribute("aria-current");
    const mark = done ? "tick" : "number";
    if (el.nth.dataset.mark !== mark) {
      el.nth.dataset.mark = mark;
      el.nth.replaceChildren(done ? tick() : String(i + 1));
    }
    say(el.word, s.word());
    say(el.time, done ? `${story.at[i].toFixed(1)} s` : "");
  });
  showSay(n, turn);
}

function tick() {
  const mark = svg("svg", { class: "tick", viewBox: "0 0 14 14", role: "img", "aria-label": "done" });
  mark.append(svg("path", { d: "M1.500 7.500l3.500 4 7-9", class: "stroke" }));
  return mark;
}

function showSay(n, turn) {
  const who = `${nameOf(cast.agent)}, ext. ${cast.agent}`;
  const watched = state.sockets.some((s) => s.extensionNumber === cast.agent && s.subscriptions > 0);
  const signIn = watched ? `Cordboard is signed in as ${who}.` : `Sign in to Cordboard as ${who}, in a second window.`;
  let kind = "on", text = "";
  if (story.trouble) [kind, text] = ["lost", story.trouble];
  else if (story.done()) [kind, text] = ["end", STEPS[n - 1].said()];
  else if (turn) [kind, text] = ["turn", watched ? "Now press Complete transfer in Cordboard." : `Now sign in to Cordboard as ${who}, and press Complete transfer there.`];
  else if (n > 0) text = STEPS[n - 1].said();
  else if (story.playing) text = "The story begins.";
  else [kind, text] = ["idle", `${signIn} Then play the story, or use the phones by hand.`];
  data($("say"), { kind });
  say($("say-words"), text);
  const url = safeURL(state.app);
  $("app").hidden = !url;
  if (url) attr($("app"), "href", url);
}

function safeURL(text) {
  if (!text) return "";
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

// ---- Break something -----------------------------------------------------------------------------------------------------

function showFaults() {
  const f = state.faults ?? { routes: {} };
  const routes = f.routes ?? {};
  const said = $("break-said");
  const b = (name, word, label, path, body, more = {}) => ({ key: `fault-${name}`, word, label: `${word}: ${label}`, press: () => press(said, name, () => post(path, body())), ...more });
  const agent = nameOf(cast.agent), consult = nameOf(cast.consult), caller = nameOf(cast.outside);
  const rings = legs(cast.consult).find((l) => l.kind === "ring"), call = legs(cast.outside)[0];
  const open = state.sockets.some((s) => s.extensionNumber === cast.agent);
  const refused = routes.bridge?.status === 409, lost = Boolean(routes.bridge?.silent), limited = routes["*"]?.status === 429;
  const rows = [
    { what: `Socket of ${cast.agent}`, list: [b("cut", "Cut", `the gateway drops the socket of ${agent}`, `/sockets/${cast.agent}/cut`, () => ({ how: "reset" }), { off: open ? "" : "there is no socket" })] },
    {
      what: f.holdEvents ? `Events, ${f.held} held back` : "Events",
      list: f.holdEvents
        ? [b("release", "Release", "deliver the events in order", "/faults", () => ({ holdEvents: false })), b("shuffle", "Shuffle", "deliver the events in any order, each twice", "/faults", () => ({ release: { order: "shuffle", duplicate: true } }))]
        : [b("hold", "Hold back", "keep events from every socket", "/faults", () => ({ holdEvents: true }))],
    },
    { what: "Next bridge", list: [
      b("refuse", "Refuse, 409", "RingCentral refuses the next transfer", "/faults", () => ({ bridge: refused ? null : { status: 409, code: "TAS-102", times: 1 } }), { pressed: refused }),
      b("lose", "No answer", "the next transfer is done but its answer is lost", "/faults", () => ({ bridge: lost ? null : { silent: true, times: 1 } }), { pressed: lost }),
    ] },
    { what: `ext. ${cast.consult}`, list: [b("voicemail", "To voicemail", `the voicemail of ${consult} answers`, `/phones/${cast.consult}/voicemail`, () => ({ telephonySessionId: rings?.s.id }), { off: rings ? "" : "it does not ring" })] },
    { what: "Outside caller", list: [b("hangup", "Hang up", `${caller} ends the call`, `/outside/${encodeURIComponent(cast.outside)}/hangup`, () => ({ telephonySessionId: call?.s.id }), { off: call ? "" : "no call" })] },
    { what: `REST of ${cast.agent}`, list: [b("busy", "Answer 429", `every request of ${agent} is over the limit`, "/faults", () => ({ "*": limited ? null : { status: 429, code: "CMN-301", retryAfter: 10, extension: cast.agent } }), { pressed: limited })] },
    { what: "All faults", list: [b("clear", "Mend", "end every fault, deliver what was held", "/faults", () => ({ clear: true }))] },
    { what: "Everything", list: [{ key: "fault-restart", word: "Forget", label: "Forget everything: no calls, no faults, everybody signed out", press: () => press(said, "restart", async () => { story.forget(); await post("/reset"); }) }] },
  ];
  keyed($("faults"), rows.map((row, i) => ({ key: String(i), ...row })), () => {
    const el = h("div", { class: "fault" });
    el.append(el.what = h("span", { class: "what" }), el.how = h("span", { class: "how" }));
    return el;
  }, (el, row) => {
    say(el.what, row.what);
    buttons(el.how, row.list);
  });
}

// ---- The tape ------------------------------------------------------------------------------------------------------------

function showTape() {
  const list = state.tape;
  $("tape-nothing").hidden = list.length > 0;
  say($("tape-count"), `${list.length === 60 ? "last 60" : list.length} events, ${state.faults?.held ?? 0} held back`);
  keyed($("tape"), list.map((t) => ({ key: `${t.session} ${t.seq}`, ...t })), () => {
    const el = h("tr", { role: "row" });
    el.fields = Array.from({ length: 8 }, () => h("td", { role: "cell" }));
    el.append(...el.fields);
    return el;
  }, (el, t) => {
    const said = t.saidTo.length > 0;
    data(el, { session: t.session, party: t.party, seq: String(t.seq), code: t.code });
    const words = [moment(t.at), short(t.session), partyShort(t.party), String(t.seq), null, t.owner, said ? t.saidTo.join(" ") : "nobody", said ? `${t.lagMs} ms` : ""];
    words.forEach((w, i) => { if (w !== null) say(el.fields[i], w); });
    attr(el.fields[0], "title", t.at);
    attr(el.fields[1], "title", t.session);
    if (el.fields[4].dataset.word !== t.code + t.reason) {
      el.fields[4].dataset.word = t.code + t.reason;
      el.fields[4].replaceChildren(t.code, ...(t.reason ? [" ", h("span", { class: "reason" }, t.reason)] : []));
    }
    el.fields[7].classList.toggle("late", said && t.lagMs >= 1000);
  });
}

/** moment is seconds since the story began, or the time of day for what was before it. */
function moment(at) {
  const ms = Date.parse(at);
  if (story.begun() && ms >= story.zero - 250) return (Math.max(0, ms - story.zero) / 1000).toFixed(3);
  return new Date(ms).toLocaleTimeString("en-GB");
}

// ---- The page ------------------------------------------------------------------------------------------------------------

function render() {
  if (!state || !account.users.length) return;
  say($("facts"), `port ${location.port || (location.protocol === "https:" ? 443 : 80)}, seed ${state.seed}, `);
  for (const role of ROLES) showPhone(role);
  showStory();
  showFaults();
  showTape();
  showCords();
}

async function start() {
  for (;;) {
    try {
      account = await ask("GET", "/account");
      state = await ask("GET", "/state");
      break;
    } catch {
      link("lost", "no answer, trying again");
      await new Promise((ok) => { setTimeout(ok, 2000); });
    }
  }
  choose();
  for (const role of ROLES) {
    phones[role] = makePhone(role);
    $("phones").append(phones[role].el);
  }
  story.recall();
  $("play").addEventListener("click", () => { if ($("play").getAttribute("aria-disabled") !== "true") story.play(); });
  $("step").addEventListener("click", () => { if ($("step").getAttribute("aria-disabled") !== "true") story.step(); });
  $("reset").addEventListener("click", () => press($("break-said"), "reset", () => story.reset()));
  for (const b of document.querySelectorAll("[data-pace]")) b.addEventListener("click", () => { story.pace = Number(b.dataset.pace); story.keep(); render(); });
  window.addEventListener("hashchange", () => { choose(); story.forget(); render(); });
  new ResizeObserver(() => state && showCords()).observe($("phones"));
  setInterval(() => {
    story.look();
    for (const el of document.querySelectorAll("[data-since]")) say(el, clock(el.dataset.since));
    if (story.begun() && !story.done()) showStory();
  }, 200);
  render();
  listen();
}

start();
