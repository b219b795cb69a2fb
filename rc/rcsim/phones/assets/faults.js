// Break something: the faults that a person may want to see, what is broken now, and how to mend it.

import { $, attr, buttons, data, h, keyed, say } from "./dom.js";
import { account, post, press, state } from "./wire.js";
import { legs, nameOf } from "./calls.js";
import { cast } from "./cast.js";
import { story } from "./story.js";

const WAYS = {
  noPeer: "without peer ids", secondDisconnected: "the second as Disconnected", firstOnly: "only the first", secondOnly: "only the second", secondFirst: "the second first",
};

/** KINDS are the faults of any request, in the words of the form. */
const KINDS = {
  "answer 404": { status: 404 }, "answer 409": { status: 409 }, "answer 429, wait 10 s": { status: 429, retryAfter: 10 }, "answer 500": { status: 500 },
  "answer 503": { status: 503 }, "answer 502, a page": { status: 502, body: "<h1>Bad gateway</h1>" }, "say yes, do nothing": { pretend: true },
  "do it, never answer": { silent: true }, "do nothing, never answer": { silent: true, pretend: true }, "lose the connection before": { lose: "before" },
  "do it, lose the connection": { lose: "after" }, "act 3 s late": { delayMs: 3000 }, "answer 3 s late": { answerDelayMs: 3000 },
  "far side hangs up first": { end: "far" }, "own side hangs up first": { end: "mine" }, "consult hangs up first": { end: "consult" },
};

/** same reports whether a fault is of a kind, whoever and however often it meets. */
const same = (fault, kind) => Boolean(fault) && Object.entries(kind).every(([k, v]) => fault[k] === v) && Object.keys(fault).every((k) => k in kind || ["times", "extension", "code", "message"].includes(k));

const set = (body) => post("/faults", body);

export function showFaults() {
  const f = state.faults, said = $("break-said"), agent = nameOf(cast.agent), consult = nameOf(cast.consult);
  const b = (name, word, text, command, more = {}) => ({ key: `fault-${name}`, word, label: `${word}: ${text}`, press: () => press(said, name, command), ...more });
  const bridge = (name, word, text, fault) => {
    const on = same(f.routes.bridge, fault);
    return b(name, word, text, () => set({ bridge: on ? null : { ...fault, times: 1 } }), { pressed: on });
  };
  const rest = (name, word, text, fault) => {
    const on = same(f.routes["*"], fault) && f.routes["*"].extension === cast.agent;
    return b(name, word, text, () => set({ "*": on ? null : { ...fault, extension: cast.agent } }), { pressed: on });
  };
  const stream = f.events.find((e) => e.extension === cast.agent) ?? { extension: cast.agent };
  const event = (name, word, text, field, value) => {
    const on = Boolean(stream[field]);
    return b(name, word, text, () => set({ events: { ...stream, [field]: on ? 0 : value } }), { pressed: on });
  };
  const rings = legs(cast.consult).find((l) => l.kind === "ring"), call = legs(cast.outside)[0];
  const open = state.sockets.some((s) => s.extensionNumber === cast.agent) ? "" : "there is no socket";
  const rows = [
    { what: `Socket of ${cast.agent}`, list: [
      b("cut", "Cut", `the gateway drops the socket of ${agent}`, () => post(`/sockets/${cast.agent}/cut`, { how: "reset" }), { off: open }),
      b("deaf", "Half-open", `the socket of ${agent} says nothing any more`, () => post(`/sockets/${cast.agent}/cut`, { how: "silent" }), { off: open }),
    ] },
    { what: "Recovery of sockets", list: [b("recovery", "Refuse", "the gateway recovers no session", () => set({ refuseRecovery: !f.refuseRecovery }), { pressed: f.refuseRecovery })] },
    { what: `Sign-in of ${cast.agent}`, list: [
      b("revoke", "End", `${agent} is signed out elsewhere`, () => post(`/tokens/${cast.agent}/revoke`)),
      b("expire", "Expire token", `the access token of ${agent} is too old`, () => post(`/tokens/${cast.agent}/expire`)),
    ] },
    {
      what: f.holdEvents ? `All events, ${f.held} held back` : "All events",
      list: f.holdEvents
        ? [b("release", "Release", "deliver the events in order", () => set({ holdEvents: false })), b("shuffle", "Shuffle", "deliver the events in any order, each twice", () => set({ release: { order: "shuffle", duplicate: true } }))]
        : [b("hold", "Hold back", "keep events from every socket", () => set({ holdEvents: true }))],
    },
    { what: `Events to ${cast.agent}`, list: [
      event("drop", "Lose a third", "every third event is lost", "drop", 3), event("double", "Double", "every event comes twice", "duplicate", 1),
      event("disorder", "Disorder", "four at a time come out of order", "reorder", 4), event("late", "3 s late", "every event comes three seconds late", "delayMs", 3000),
    ] },
    { what: "Next transfer", list: [
      bridge("refuse", "Refuse, 409", "RingCentral refuses the next transfer", { status: 409 }),
      bridge("pretend", "Do nothing", "the next transfer is accepted and nobody is joined", { pretend: true }),
      bridge("lose", "No answer", "the next transfer is done but its answer is lost", { silent: true }),
      bridge("sever", "Lose after", "the next transfer is done and the connection is lost", { lose: "after" }),
      bridge("leaves", "Caller leaves", "the customer hangs up just before it", { end: "customer" }),
    ] },
    { what: `ext. ${cast.consult}`, list: [b("voicemail", "To voicemail", `the voicemail of ${consult} answers`, () => post(`/phones/${cast.consult}/voicemail`, { telephonySessionId: rings?.s.id }), { off: rings ? "" : "it does not ring" })] },
    { what: "Outside caller", list: [b("hangup", "Hang up", `${nameOf(cast.outside)} ends the call`, () => post(`/outside/${encodeURIComponent(cast.outside)}/hangup`, { telephonySessionId: call?.s.id }), { off: call ? "" : "no call" })] },
    { what: `REST of ${cast.agent}`, list: [
      rest("busy", "Answer 429", `every request of ${agent} is over the limit`, { status: 429, retryAfter: 10 }),
      rest("slow", "3 s late", `every request of ${agent} takes three seconds`, { delayMs: 3000 }),
    ] },
    { what: "Connections", list: [b("door", "Reset 3", "the next three connections are reset", () => set({ refuseConnections: 3 }))] },
    { what: "Everything", list: [b("restart", "Forget", "no calls, no faults, everybody signed out", async () => { story.forget(); await post("/reset"); })] },
  ];
  keyed($("faults"), rows.map((row, i) => ({ key: String(i), ...row })), () => {
    const el = h("div", { class: "fault" });
    el.append(el.what = h("span", { class: "what" }), el.how = h("span", { class: "how" }));
    return el;
  }, (el, row) => {
    data(el, { many: String(row.list.length > 1) });
    say(el.what, row.what);
    buttons(el.how, row.list);
  });
  showBroken(f, said);
}

// ---- Any request ---------------------------------------------------------------------------------------------------------

const option = (value, text = value) => h("option", { value }, text);
const choice = (id, name, ...options) => h("label", {}, name, h("select", { class: "pick", id, "data-testid": id }, ...options));

/** makeFaults puts the form for any request into its place. */
export function makeFaults() {
  const names = account.operations.filter((name) => name !== "*");
  const form = h("form", { class: "any", "aria-label": "Break any request" },
    choice("any-operation", "Request", option("*", "every one"), ...names.map((name) => option(name))),
    choice("any-kind", "Fault", ...Object.keys(KINDS).map((kind) => option(kind))),
    choice("any-told", "A bridge is told", option("", "as usual"), ...Object.entries(WAYS).map(([way, text]) => option(way, text))),
    choice("any-who", "Of", option("", "everybody"), option("agent", "the agent"), option("consult", "the consult")),
    choice("any-times", "Times", option("1"), option("3"), option("0", "always")),
    h("button", { class: "key", "data-testid": "any-set" }, "Break it"));
  const value = (id) => $(id).value;
  const told = () => {
    const only = value("any-operation") === "bridge" && value("any-told") !== "";
    $("any-kind").disabled = only;
    $("any-told").disabled = value("any-operation") !== "bridge";
  };
  form.addEventListener("change", told);
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    const fault = $("any-kind").disabled ? { bridgeEvents: value("any-told") } : { ...KINDS[value("any-kind")] };
    if (value("any-who")) fault.extension = cast[value("any-who")];
    fault.times = Number(value("any-times"));
    press($("break-said"), "any", () => set({ [value("any-operation")]: fault }));
  });
  $("any").append(form);
  told();
}

// ---- What is broken ------------------------------------------------------------------------------------------------------

const often = (f) => (f.times ? (f.times === 1 ? ", once" : `, ${f.times} times`) : "");
const whose = (f) => (f.extension ? ` of ${f.extension}` : "");

function words(f) {
  const kind = Object.entries(KINDS).find(([, k]) => same(f, k))?.[0];
  if (kind) return kind;
  if (f.bridgeEvents) return `told ${WAYS[f.bridgeEvents]}`;
  return Object.entries(f).filter(([k]) => k !== "times" && k !== "extension").map(([k, v]) => `${k} ${v}`).join(", ");
}

const each = (n) => (n === 1 ? "" : `every ${n}${{ 2: "nd", 3: "rd" }[n] ?? "th"} `);

function stream(e) {
  const out = [];
  if (e.drop) out.push(`${each(e.drop)}lost`);
  if (e.duplicate) out.push(`${each(e.duplicate)}doubled`);
  if (e.reorder) out.push(`${e.reorder} at a time out of order`);
  if (e.delayMs || e.jitterMs) out.push(`${(e.delayMs ?? 0) / 1000}${e.jitterMs ? " to " + ((e.delayMs ?? 0) + e.jitterMs) / 1000 : ""} s late`);
  return out.join(", ");
}

/** broken is what is set now: a key, what it does in words, and the request that mends it. */
function broken(f) {
  return [
    ...Object.entries(f.routes).map(([name, r]) => ({ key: name === "*" ? "all" : name, text: `${name === "*" ? "Every request" : name}${whose(r)}: ${words(r)}${often(r)}`, mend: { [name]: null } })),
    ...f.events.map((e) => ({ key: `events-${e.extension ?? "all"}`, text: `${e.kind === "presence" ? "Presence" : "Events"}${e.extension ? " to " + e.extension : ""}: ${stream(e)}${often(e)}`, mend: { events: { extension: e.extension } } })),
    ...(f.holdEvents ? [{ key: "held", text: `All events are held back: ${f.held}`, mend: { holdEvents: false } }] : []),
    ...(f.refuseRecovery ? [{ key: "recovery", text: "Recovery is refused", mend: { refuseRecovery: false } }] : []),
    ...(f.refuseConnections ? [{ key: "door", text: `The next ${f.refuseConnections === 1 ? "connection is" : f.refuseConnections + " connections are"} reset`, mend: { refuseConnections: 0 } }] : []),
  ];
}

function showBroken(f, said) {
  const list = broken(f);
  keyed($("broken"), list, (item) => {
    const el = h("li", {}), mend = h("button", { type: "button", class: "key", "data-testid": `mend-${item.key}` }, "Mend");
    mend.addEventListener("click", () => press(said, `mend-${item.key}`, () => set(el.mend)));
    el.append(el.text = h("span"), mend);
    el.button = mend;
    return el;
  }, (el, item) => {
    el.mend = item.mend;
    data(el, { fault: item.key });
    say(el.text, item.text);
    attr(el.button, "aria-label", `Mend: ${item.text}`);
  });
  const met = Object.values(f.met).reduce((n, m) => n + m, 0);
  const facts = [list.length === 0 ? "Nothing is broken." : "", met ? `${met} ${met === 1 ? "request has" : "requests have"} met a fault.` : ""];
  if (f.hanging.length > 0) facts.push(`Hanging now: ${[...new Set(f.hanging.map((x) => x.operation))].join(", ")}.`);
  // The simulator may have been started so: no fault, but worth knowing.
  if (f.bridgeEvents) facts.push(`Every bridge is told ${WAYS[f.bridgeEvents]}.`);
  if (f.eventDelayMs) facts.push(`Events come ${f.eventDelayMs} ms late.`);
  if (f.lost) facts.push(`${f.lost} ${f.lost === 1 ? "event is" : "events are"} lost.`);
  if (f.late) facts.push(`${f.late} on the way.`);
  say($("broken-facts"), facts.filter(Boolean).join(" "));
  buttons($("mend"), [{ key: "fault-clear", word: "Mend all", label: "Mend all: end every fault, deliver what was held", press: () => press(said, "clear", () => set({ clear: true })), off: list.length + f.hanging.length === 0 ? "nothing is broken" : "" }]);
}
