// The company around the three phones: its queues, what is parked, who leaves a message, who listens, and everybody's phone.

import { $, attr, buttons, data, h, keyed, say, svg } from "./dom.js";
import { account, post, press, state } from "./wire.js";
import { MOST, alive, clean, clock, label, legs, nameOf, pretty, ringing, session, sessionsNow, somebody } from "./calls.js";
import { cast } from "./cast.js";
import { GLYPH, PLATE } from "./phone.js";

const said = () => $("company-said");

/** row is one line of places: what it is, what goes on there, and what may be done. */
const row = (key, what, now, list) => ({ key, what, now, list });
const b = (key, word, text, command, off = "") => ({ key, word, label: `${word}: ${text}`, off, press: () => press(said(), key, command) });

export function showCompany() {
  say($("company-count"), `${account.users.length} people, ${sessionsNow().filter((s) => s.alive).length} calls`);
  keyed($("places"), [...account.queues.map(queue), parked(), mailboxes(), listeners(), conferences()], (r) => {
    const el = h("li", { class: "place", "data-testid": r.key });
    el.append(el.what = h("span", { class: "what" }), el.now = h("span", { class: "now" }), el.how = h("span", { class: "how" }));
    return el;
  }, (el, r) => {
    say(el.what, r.what);
    say(el.now, r.now);
    buttons(el.how, r.list);
  });
  const people = somebody(state.sessions.flatMap((s) => s.parties.filter(alive).map((p) => p.extensionNumber)));
  say($("people-rest"), people.length < account.users.length ? `The first ${MOST} of ${account.users.length} people, and who is in a call.` : "");
  keyed($("people"), people.map((u) => ({ key: u.extensionNumber, u, phone: state.phones.find((p) => p.extensionNumber === u.extensionNumber) })), makePerson, showPerson);
}

// ---- Places --------------------------------------------------------------------------------------------------------------

const who = (p) => (p.extensionNumber ? `${clean(p.name)} (${p.extensionNumber})` : clean(p.name) || pretty(p.number));
const names = (list) => list.map(who).join(", ");

/** idle is an outside caller who has no call: the one of the phone above first. */
const idle = () => [cast.outside, ...state.outside.map((o) => o.number)].find((n) => legs(n).length === 0);

/** queue is a line that outside callers ring: its members' phones ring at once. */
function queue(q) {
  const calls = sessionsNow().filter((s) => s.alive && s.parties.some((p) => p.extensionNumber === q.extensionNumber));
  const now = calls.map((s) => {
    const caller = s.parties[0], rung = s.parties.filter((p) => p.queueCall && ringing(p)), talker = s.parties.find((p) => p.queueCall && alive(p) && p.answeredAt);
    if (rung.length > 0) return `${who(caller)} rings ${rung.map((p) => p.extensionNumber).join(", ")}`;
    if (talker) return `${who(talker)} has ${who(caller)}`;
    return s.parties.some((p) => p.code === "VoiceMail" && alive(p)) ? `${who(caller)} leaves a message` : `${who(caller)} has left the line`;
  });
  const from = idle();
  return row(`queue-${q.extensionNumber}`, `${q.name}, ext. ${q.extensionNumber}`, now.join(". ") || `rings ${q.members.join(", ")}`, [
    b(`queue-${q.extensionNumber}-call`, "Ring it", from ? `${nameOf(from)} calls ${q.name}` : "an outside caller calls", () => post("/calls", { from, to: q.extensionNumber }), from ? "" : "every outside caller is in a call"),
  ]);
}

/** parked are the calls that wait in a slot or at a park location, each with who may fetch it. */
function parked() {
  const list = sessionsNow().flatMap((s) => s.parties.filter((p) => p.code === "Parked").map((p) => ({ s, p })));
  const waits = ({ s, p }) => s.parties.find((o) => o !== p && alive(o)) ?? p;
  const place = (p) => (p.park.startsWith("*") ? p.park : "the park location");
  return row("parked", "Parked", list.map((x) => `${who(waits(x))} in ${place(x.p)}`).join(". ") || "nobody", list.flatMap(({ s, p }) => ["agent", "consult"].map((role) =>
    b(`pickup-${p.park.replace("*", "")}-${role}`, `${cast[role]} takes ${p.park.startsWith("*") ? p.park : "it"}`, `${nameOf(cast[role])} picks up the parked call`, () => post(`/phones/${cast[role]}/pickup`, { telephonySessionId: s.id })))));
}

function mailboxes() {
  const list = sessionsNow().flatMap((s) => s.parties.filter((p) => p.code === "VoiceMail" && alive(p)).map((p) => `${names(s.parties.filter((o) => o !== p && alive(o)))} to ${who(p)}`));
  return row("mailboxes", "Leaving a message", list.join(". ") || "nobody", []);
}

/** listeners are supervisors who hear a call unheard, and the agent's own supervisor, who may begin to. */
function listeners() {
  const party = (end) => session(end.session)?.parties.find((p) => p.id === end.party);
  const list = state.listens.map(([m, a]) => ({ m, by: party(m), to: party(a) })).filter((x) => x.by && x.to);
  const boss = account.groups.find((g) => g.monitored.includes(cast.agent))?.monitoring[0], leg = legs(cast.agent).find((l) => l.kind === "talk");
  const own = list.find((x) => x.by.extensionNumber === boss && x.to.extensionNumber === cast.agent);
  const how = own
    ? [b("listen-stop", "Stop", `${nameOf(boss)} hangs up`, () => post(`/phones/${boss}/hangup`, { telephonySessionId: own.m.session }))]
    : boss ? [b("listen", `${boss} listens`, `${nameOf(boss)} listens to ${nameOf(cast.agent)}`, () => post(`/phones/${boss}/supervise`, { agent: cast.agent, telephonySessionId: leg?.s.id }), leg ? "" : `${cast.agent} does not talk`)] : [];
  return row("listeners", "Listening", list.map((x) => `${who(x.by)} hears ${who(x.to)}`).join(". ") || "nobody", how);
}

function conferences() {
  const list = sessionsNow().filter((s) => s.alive && s.origin === "Conference");
  const role = (s, r) => s.parties.filter((p) => alive(p) && p.conferenceRole === r);
  return row("conferences", "Conferences", list.map((s) => `${names(role(s, "Host")) || "no host yet"} with ${names(role(s, "Participant")) || "nobody yet"}`).join(". ") || "none", []);
}

// ---- People --------------------------------------------------------------------------------------------------------------

const TAKES = {
  TakeAllCalls: "Takes all calls", DoNotAcceptDepartmentCalls: "No queue calls", TakeDepartmentCallsOnly: "Queue calls only", DoNotAcceptAnyCalls: "Do not disturb", offline: "Phones offline",
};

function makePerson({ u }) {
  const jack = svg("use", { href: "#jack-square" }), glyph = svg("use", { class: "glyph" });
  const el = h("li", { class: "person", "data-testid": `person-${u.extensionNumber}` });
  const takes = h("select", { class: "pick", "aria-label": `${u.name}: which calls`, "data-testid": `person-${u.extensionNumber}-takes` }, ...Object.entries(TAKES).map(([value, text]) => h("option", { value }, text)));
  takes.addEventListener("change", () => press(said(), `takes-${u.extensionNumber}`, async () => {
    const at = `/phones/${u.extensionNumber}`;
    if (takes.value === "offline") return post(`${at}/offline`);
    const online = el.dataset.online === "true";
    if (!online) await post(`${at}/online`);
    return post(`${at}/dnd`, { dndStatus: takes.value });
  }));
  el.append(
    svg("svg", { class: "jack", viewBox: "0 0 22 22", "aria-hidden": "true" }, jack, glyph),
    h("span", { class: "name" }, u.name), h("span", { class: "number mono aside" }, `ext. ${u.extensionNumber}`), takes,
    el.calls = h("ul", { class: "calls" }));
  return Object.assign(el, { glyph, takes });
}

function showPerson(el, { u, phone }) {
  const number = u.extensionNumber, list = legs(number), online = phone?.online !== false;
  const kind = list.length > 0 ? list.at(-1).kind : online ? "free" : "off";
  data(el, { state: kind, online: String(online) });
  attr(el.glyph, "href", `#glyph-${GLYPH[kind] ?? "none"}`);
  const takes = online ? phone.dnd : "offline";
  if (el.takes !== document.activeElement && el.takes.value !== takes) el.takes.value = takes;
  keyed(el.calls, list.map((l, i) => ({ key: l.p.id, l, n: i + 1 })), () => {
    const row = h("li", {});
    row.append(row.word = h("span", { class: "now" }), row.time = h("span", { class: "clock" }), row.how = h("span", { class: "how" }));
    return row;
  }, (row, { l, n }) => {
    say(row.word, `${PLATE[l.kind]}${l.other ? ", " + label(l.other) : ""}${l.p.recording === "recording" ? ", recorded" : ""}`);
    row.time.dataset.since = l.since;
    say(row.time, clock(l.since));
    const act = (verb, word, text) => b(`person-${number}-${verb}-${n}`, word, `${u.name} ${text}`, () => post(`/phones/${number}/${verb}`, { telephonySessionId: l.s.id }));
    buttons(row.how, l.kind === "ring" ? [act("answer", "Answer", "answers"), act("decline", "Decline", "declines")] : l.p.code === "VoiceMail" ? [] : [act("hangup", "Hang up", "hangs up")]);
  });
}
