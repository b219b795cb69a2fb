// The cords between the three phones: what flows, and what only waits.

import { $, data, keyed, svg } from "./dom.js";
import { circle, hears, legs } from "./calls.js";
import { cast } from "./cast.js";
import { phones } from "./phone.js";

const EDGES = [["outside", "agent"], ["agent", "consult"], ["outside", "consult"]];

export function showCords() {
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
