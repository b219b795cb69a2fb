// What the state means to somebody who looks at phones.

import { account, state, now } from "./wire.js";

export const alive = (p) => p.code !== "Disconnected" && p.code !== "Gone";
export const ringing = (p) => p.code === "Setup" || p.code === "Proceeding";
export const ext = (number) => account.users.find((u) => u.extensionNumber === number);
export const outsider = (number) => state?.outside.find((o) => o.number === number) ?? account.outside.find((o) => o.number === number);
export const nameOf = (number) => clean(ext(number)?.name || outsider(number)?.name || "") || pretty(number);
export const first = (number) => nameOf(number).split(" ")[0];
export const session = (id) => state?.sessions.find((s) => s.id === id);

/** MOST is how many people a page shows at most: a simulator under load has ten thousand. */
export const MOST = 60;

/** somebody is everybody, where that is not too many: else the first of them, and those who are wanted. */
export const somebody = (wanted) => (account.users.length <= MOST ? account.users : account.users.filter((u, i) => i < MOST || wanted.includes(u.extensionNumber)));

/** clean makes a caller's name fit to show: no control and direction characters, 64 at most. */
export const clean = (name) => [...name.replace(/\p{C}/gu, "")].slice(0, 64).join("").trim();

/** pretty spaces a North American number; every other one stays as it is. */
export function pretty(number) {
  const m = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return m ? `+1 ${m[1]} ${m[2]} ${m[3]}` : number;
}
export const label = (p) => (p.extensionNumber ? `ext. ${p.extensionNumber}` : pretty(p.number));

/** circle is the session and all that is bridged to it. */
export function circle(id) {
  const all = [id];
  for (let i = 0; i < all.length; i++) for (const j of session(all[i])?.joined ?? []) if (!all.includes(j)) all.push(j);
  return all.map(session).filter(Boolean);
}

export const hears = (a, b) => state.audio.some(([x, y]) => (x.party === a && y.party === b) || (x.party === b && y.party === a));

/** short is the first signs of an id, as few as tell it from the others, at least four. */
export function short(id) {
  const others = new Set([...state.sessions.map((s) => s.id), ...state.tape.map((t) => t.session)]);
  others.delete(id);
  let n = 6;
  while (n < id.length && [...others].some((o) => o.startsWith(id.slice(0, n)))) n++;
  return id.slice(0, n);
}
export const partyShort = (id) => "p-" + id.slice(id.lastIndexOf("-") + 1);

/** party is the newest party of a number in a session. */
export const party = (id, number) => session(id)?.parties.findLast(mine(number));

export const sessionsNow = () => state?.sessions ?? [];
export const mine = (number) => (p) => (p.extensionNumber ? p.extensionNumber === number : p.number === number);

/** legs are the live parties of a number, oldest first, with what its phone would know of them. */
export function legs(number) {
  return sessionsNow().flatMap((s) => s.parties.filter((p) => mine(number)(p) && alive(p) && p.code !== "Parked").map((p) => {
    const ring = circle(s.id);
    const far = ring.flatMap((c) => c.parties).filter((o) => o.id !== p.id && alive(o));
    const joined = ring.length > 1;
    const voice = far.find((o) => hears(p.id, o.id));
    const other = voice ?? far.find((o) => !ringing(o)) ?? far[0];
    const inCall = (p.code === "Answered" || p.code === "Hold") && p.answeredAt !== "";
    const heldBy = p.code === "Hold" ? p : inCall ? far.find((o) => o.code === "Hold") : undefined;
    const box = far.find((o) => o.code === "VoiceMail"), slot = far.find((o) => o.code === "Parked");
    let kind = "silent", since = p.since;
    if (p.code === "VoiceMail" || (box && inCall)) { kind = "mail"; since = (box ?? p).since; }
    else if (slot && inCall && !voice) { kind = "park"; since = slot.since; }
    else if (p.supervises && inCall) kind = "listen";
    else if (!inCall) kind = p.direction === "Inbound" || p.callOut ? "ring" : "calls";
    else if (heldBy) { kind = "hold"; since = heldBy.since; }
    else if (voice) { kind = "talk"; since = [p.since, voice.since].sort()[1]; }
    return { s, p, other, joined, kind, since, inCall, far };
  }));
}

/** lately are the parties of a number that left: at most two, for 30 s, or while a call goes on without it. */
export function lately(number) {
  return sessionsNow().flatMap((s) => s.parties.filter((p) => mine(number)(p) && !alive(p) && (now() - Date.parse(p.since) < 30000 || (s.alive && p.code === "Gone"))).map((p) => ({ s, p }))).slice(-2);
}

export function clock(since) {
  const s = Math.max(0, Math.floor((now() - Date.parse(since)) / 1000));
  const m = Math.floor(s / 60);
  return m < 60 ? `${m}:${String(s % 60).padStart(2, "0")}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}`;
}
