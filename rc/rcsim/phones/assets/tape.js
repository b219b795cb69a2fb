// The tape: each event of a call, and who was told.

import { $, attr, data, h, keyed, say } from "./dom.js";
import { state } from "./wire.js";
import { partyShort, short } from "./calls.js";
import { story } from "./story.js";

export function showTape() {
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
