// The three phones.

import { $, attr, buttons, data, h, keyed, say, svg } from "./dom.js";
import { post, press, redraw, state } from "./wire.js";
import { somebody, clean, clock, ext, label, lately, legs, nameOf, outsider, pretty, partyShort, short } from "./calls.js";
import { ROLES, cast, remember } from "./cast.js";
import { story } from "./story.js";

const TITLE = { outside: "Outside caller", agent: "Agent’s phone", consult: "Consult’s phone" };

/** phones are the three cards: their elements, and which line each call has. */
export const phones = {};

export function makePhones() {
  for (const role of ROLES) {
    phones[role] = makePhone(role);
    $("phones").append(phones[role].el);
  }
}

export function showPhones() {
  for (const role of ROLES) showPhone(role);
}

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
    redraw();
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

export const dial = (role, to) => (role === "outside" ? post("/calls", { from: cast.outside, to }) : post(`/phones/${encodeURIComponent(cast[role])}/dial`, { to }));
export const act = (role, verb, id) => post(`/${role === "outside" ? "outside" : "phones"}/${encodeURIComponent(cast[role])}/${verb}`, { telephonySessionId: id });

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

export const PLATE = { ring: "Ringing", calls: "Calling", talk: "Talking", hold: "On hold", mail: "Voicemail", silent: "Silent", park: "Parked", listen: "Listening" };
export const GLYPH = { ring: "ring", calls: "ring", talk: "talk", hold: "hold", mail: "mail", silent: "none", park: "hold", listen: "talk" };
const letter = (n) => String.fromCharCode(64 + n);

function showPhone(role) {
  const part = phones[role], number = cast[role];
  showWho(role, part);
  const list = lines(part, legs(number));
  const online = role === "outside" || state.phones.find((p) => p.extensionNumber === number)?.online !== false;
  const kind = list.length > 1 ? "lines" : list.length === 1 ? list[0].kind : online ? "free" : "off";
  const plate = { calls: "ring", silent: "talk", listen: "talk", park: "hold" }[kind] ?? kind;
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
    say(el.rec, { recording: "Recording", paused: "Recording paused" }[l.p.recording] ?? "");
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
  const groups = list.map((l) => ({ key: l.p.id, l, list: controls(role, l, many, actor), more: more(role, l, many, actor) })).filter((g) => g.list.length > 0);
  keyed(part.acts, [...groups, { key: "dial" }], (g) => makeActs(role, g.l), (el, g) => {
    if (!g.l) return;
    say(el.sum, many ? `More ${letter(g.l.line)}` : "More");
    buttons(el.main, g.list);
    buttons(el.rest, g.more);
    el.fold.hidden = g.more.length === 0;
  });

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

function makeActs(role, l) {
  const main = h("div", { class: "acts" }), rest = h("div", { class: "acts" });
  const sum = h("summary", { class: "key", "data-testid": `${role}-more-${l.line}` });
  const fold = h("details", { class: "more" }, sum, rest);
  return Object.assign(h("div", { role: "group", "aria-label": `${TITLE[role]}: call ${letter(l.line)}` }, main, fold), { main, rest, fold, sum });
}

/** verb makes the buttons of one call. */
function verb(role, l, many, actor) {
  const at = many ? ` ${letter(l.line)}` : "";
  const whom = l.other ? label(l.other) : "nobody";
  return (name, word, text) => ({
    key: `${role}-${name}-${l.line}`, word: word + at, label: `${word}${at}: ${actor} ${text} ${whom}`,
    press: () => press(phones[role].said, `${role}-${name}-${l.line}`, () => act(role, name, l.s.id)),
  });
}

/** more is what a person does less often: park, record, mute, let the queue go on. */
function more(role, l, many, actor) {
  const b = verb(role, l, many, actor);
  if (role === "outside" || l.kind === "mail" || l.kind === "listen") return [];
  if (l.kind === "ring") return l.p.queueCall ? [b("ignore", "Ignore", "leaves to the queue the call of")] : [];
  if (!l.inCall) return [];
  const out = [];
  if (l.p.direction === "Inbound") out.push(b("park", "Park", "parks"));
  if (l.p.recording === "recording") out.push(b("pause", "Pause recording", "pauses the recording of"));
  else if (l.p.recording === "paused") out.push(b("resume", "Resume recording", "resumes the recording of"));
  else out.push(b("record", "Record", "records the call with"));
  out.push(l.p.muted ? b("unmute", "Unmute", "is heard again by") : b("mute", "Mute", "is not heard by"));
  return out;
}

function controls(role, l, many, actor) {
  const b = verb(role, l, many, actor);
  if (l.p.code === "VoiceMail") return [];
  if (l.kind === "ring") return [b("answer", "Answer", "answers"), b("decline", "Decline", "declines")];
  const out = [];
  if (role !== "outside" && l.inCall && l.kind !== "mail") out.push(l.p.deviceHold ? b("unhold", "Unhold", "takes off hold") : b("hold", "Hold", "puts on hold"));
  out.push(many ? b("hangup", "End", "ends the call with") : b("hangup", "Hang up", "ends the call with"));
  return out;
}

function makeLeg(role) {
  const jack = svg("use"), glyph = svg("use", { class: "glyph" });
  const at = h("span", { class: "line" }), name = h("bdi"), word = h("span", { class: "unseen" }), ids = h("span", { class: "ids" }), time = h("span", { class: "clock" }), rec = h("span", { class: "rec" });
  const mark = svg("svg", { class: "jack", viewBox: "0 0 22 22", "aria-hidden": "true" }, jack, glyph);
  const el = h("li", { class: "leg", "data-testid": `${role}-leg` }, mark, h("span", { class: "name" }, at, name, word), time, ids, rec);
  return Object.assign(el, { jack, glyph, at, name, word, ids, time, rec });
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
    : somebody([cast.agent, cast.consult]).map((u) => ({ value: u.extensionNumber, text: `${u.name}, ext. ${u.extensionNumber}`, taken: u.extensionNumber === cast[role === "agent" ? "consult" : "agent"] }));
  keyed(part.who, choices.map((c) => ({ key: c.value, ...c })), (c) => h("option", { value: c.value }), (el, c) => {
    say(el, c.text);
    if (el.disabled !== Boolean(c.taken)) el.disabled = Boolean(c.taken);
  });
  if (part.who.value !== cast[role]) part.who.value = cast[role];
}
