// Who plays which phone.

import { account } from "./wire.js";
import { ext } from "./calls.js";

export const ROLES = ["outside", "agent", "consult"];

export const cast = { outside: "", agent: "", consult: "" };

/** choose fills the cast from the hash, else: an agent, the last of that team, the first outside caller. */
export function choose() {
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

export function remember() {
  history.replaceState(null, "", "#" + new URLSearchParams(cast));
}
