// The story: a warm transfer, step by step, each seen to be true before the next.

import { $, attr, data, h, keyed, say, svg } from "./dom.js";
import { now, post, redraw, state } from "./wire.js";
import { alive, circle, first, hears, legs, mine, nameOf, party, session, sessionsNow } from "./calls.js";
import { ROLES, cast } from "./cast.js";
import { act, dial } from "./phone.js";

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

export const story = {
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
    redraw();
  },

  play() {
    if (this.done() || this.trouble) this.forget();
    if (this.at.length >= TURN) return;
    this.playing = !this.playing;
    this.due = this.playing ? 0 : this.due;
    this.look();
    redraw();
  },

  step() {
    if (this.done() || this.trouble) this.forget();
    this.playing = false;
    this.next();
    redraw();
  },

  async reset() {
    this.forget();
    redraw();
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

export function showStory() {
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
