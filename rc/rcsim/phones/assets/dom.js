// Elements: making them, and changing only what differs, so that live regions speak once and focus stays.

export const $ = (id) => document.getElementById(id);

/** h makes an element; an attribute that is null or undefined is left out. */
export function h(tag, attrs = {}, ...kids) {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) if (v != null) el.setAttribute(k, v);
  el.append(...kids);
  return el;
}

export const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attrs = {}, ...kids) {
  const el = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attrs)) el.setAttribute(k, v);
  el.append(...kids);
  return el;
}

/** say sets a text only when it differs, so that live regions speak once. */
export function say(el, text) { if (el.textContent !== text) el.textContent = text; }
export function attr(el, name, value) { if (el.getAttribute(name) !== value) el.setAttribute(name, value); }
export function data(el, values) { for (const [k, v] of Object.entries(values)) if (el.dataset[k] !== v) el.dataset[k] = v; }

/** keyed makes parent's children be the items, in order; what stays keeps its element. Focus of what goes falls to its heading. */
export function keyed(parent, items, make, update) {
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
export function buttons(parent, list) {
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
