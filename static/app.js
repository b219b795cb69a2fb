// The page's own script: clocks, the stream's health, keys, focus. It sends
// nothing but the page's forms and decides nothing about calls; without it the
// page works as plain forms. Words come from the page, never from here.
(() => {
  "use strict";
  const doc = document, root = doc.documentElement, body = doc.body;
  const $ = (q, from = doc) => from.querySelector(q);
  const $$ = (q, from = doc) => [...from.querySelectorAll(q)];
  const setText = (el, s) => { if (el && el.textContent !== s) el.textContent = s; };
  const setAttr = (el, name, s) => { if (el.getAttribute(name) !== s) el.setAttribute(name, s); };

  // --- time, by RingCentral's clock -------------------------------------

  let offset = Number(body.dataset.now) - Date.now();
  const now = () => Date.now() + offset;
  const two = (n) => String(n).padStart(2, "0");
  const secs = (ms) => Math.floor(Math.max(0, ms) / 1000);
  const mmss = (ms) => {
    const s = secs(ms);
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  const ago = (ms) => {
    const s = secs(ms);
    return s < 600 ? `${s} s` : s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
  };
  const age = (ms) => ms >= 10000 ? ago(ms) : (Math.floor(Math.max(0, ms) / 100) / 10).toFixed(1) + " s";
  const local = (ms, withSeconds) => {
    const d = new Date(ms);
    return `${two(d.getHours())}:${two(d.getMinutes())}` + (withSeconds ? `:${two(d.getSeconds())}` : "");
  };

  // A message is late by its way here, never early: the largest offset is the
  // truest, unless the clock itself was set.
  const correct = (server) => {
    const seen = server - Date.now();
    if (seen > offset || offset - seen > 2000) offset = seen;
  };

  const limits = { long: Number(body.dataset.long) * 1000, toolong: Number(body.dataset.toolong) * 1000 };
  const lateness = (ms) => ms >= limits.toolong ? "toolong" : ms >= limits.long ? "long" : "";
  const told = new Map(); // start of a hold -> the limit that was announced

  const announce = (text, urgent) => {
    const p = doc.createElement("p");
    p.textContent = text;
    $(urgent ? "#assertive" : "#polite")?.replaceChildren(p);
  };

  const tickHold = (box) => {
    const word = $("[data-hold]", box), time = $(".clock-big time[data-since]", box);
    if (!time || (!word && !box.classList.contains("wallrow"))) return;
    const since = time.dataset.since, waits = now() - Number(since), late = lateness(waits);
    setAttr(box, "data-late", late);
    if (!word) return;
    setText(word, word.dataset[late === "long" ? "onLong" : late === "toolong" ? "onToolong" : "on"]);
    const scale = $(".scale", box);
    if (scale) {
      const part = Math.min(100, Math.max(0, waits) / Number(scale.dataset.end) / 10).toFixed(2) + "%";
      for (const rect of $$(".scale-fill, .scale-hatch", scale)) setAttr(rect, "width", part);
    }
    if (told.has(since) && told.get(since) !== late && late) {
      announce(word.dataset[late === "long" ? "sayLong" : "sayToolong"], late === "toolong");
    }
    told.set(since, late);
  };

  const title = () => {
    const tab = $("#tab");
    if (!tab) return;
    const since = Number(tab.dataset.clock);
    const s = ("alarm" in tab.dataset ? "! " : "") + (since ? mmss(now() - since) + " " : "") + tab.dataset.words;
    if (doc.title !== s) doc.title = s;
    const icon = $("#icon");
    if (icon) setAttr(icon, "href", tab.dataset.icon);
  };

  const tick = () => {
    const t = now();
    for (const el of $$("time[data-since]")) setText(el, mmss(t - Number(el.dataset.since)));
    for (const el of $$("time[data-clock]")) setText(el, mmss(t - Number(el.dataset.clock)));
    for (const el of $$("time[data-ago]")) setText(el, ago(t - Number(el.dataset.ago)));
    for (const el of $$("time[data-left]")) setText(el, ago(Number(el.dataset.left) - t + 999));
    for (const el of $$(".bay, .wallrow")) tickHold(el);
    title();
  };
  const tickAge = () => { for (const el of $$("time[data-age]")) setText(el, age(now() - Number(el.dataset.age))); };
  const localise = () => {
    for (const el of $$("time[data-hms]")) setText(el, local(Number(el.dataset.hms), true));
    for (const el of $$("time[data-hm]")) setText(el, local(Number(el.dataset.hm), false));
  };

  // --- the stream -------------------------------------------------------

  const live = $("#live");
  const SILENCE = 25000, RETRY = 5000;
  let heard = Date.now(), cut = 0, tries = 0, timer = 0, stopped = false;

  const showLink = (kind) => {
    const was = root.dataset.link || "";
    if (was === kind) return;
    if (kind) root.dataset.link = kind; else delete root.dataset.link;
    for (const bar of $$("#link > .bar")) {
      bar.hidden = bar.dataset.link !== kind;
      if (!bar.hidden) announce(bar.textContent.replace(/\s+/g, " ").trim(), true);
    }
    if (!kind && was === "lost") announce($(".status-word")?.textContent || "", false);
  };
  const alive = () => { heard = Date.now(); tries = 0; if (!stopped) showLink(""); };
  const stop = (kind) => {
    stopped = true;
    clearTimeout(timer);
    live._htmx?.sse?.reader?.cancel();
    showLink(kind);
  };
  const connect = () => {
    if (!stopped && !live._htmx?.sse) window.htmx.ajax("GET", live.dataset.stream, { source: live });
  };
  const retry = () => {
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(connect, Math.min(RETRY, 500 * 2 ** tries++) * (0.7 + 0.3 * Math.random()));
  };
  const watch = () => {
    const silent = Date.now() - heard;
    if (stopped || silent < SILENCE) return;
    setText($("[data-silence]"), ago(silent));
    if (root.dataset.link !== "shutdown") showLink("lost");
    if (Date.now() - cut > 10000) {
      cut = Date.now();
      live._htmx?.sse?.reader?.cancel(); // a half-open connection: nobody else notices
    }
  };

  if (live) {
    doc.addEventListener("htmx:sse:before:connection", (e) => { if (stopped) e.preventDefault(); });
    doc.addEventListener("htmx:sse:after:connection", alive);
    doc.addEventListener("htmx:sse:before:message", alive);
    doc.addEventListener("htmx:sse:error", (e) => { if (e.detail.status === 401) stop("signed-out"); });
    doc.addEventListener("htmx:sse:close", (e) => { if (e.detail.reason !== "cleanup") retry(); });
    doc.addEventListener("htmx:finally:request", (e) => {
      const ctx = e.detail.ctx;
      if (ctx?.sourceElement !== live) return;
      if (ctx.response?.status === 401) stop("signed-out");
      else if (!live._htmx?.sse) retry(); // the first connection was refused: htmx would give up
    });
    live.addEventListener("beat", (e) => {
      let beat;
      try { beat = JSON.parse(e.detail.data); } catch { return; }
      correct(beat.now);
      const el = $("#status time[data-age]");
      if (el && beat.heard) el.dataset.age = beat.heard;
      tick();
      tickAge();
    });
    live.addEventListener("newer", () => stop("newer"));
    live.addEventListener("signed-out", () => stop("signed-out"));
    live.addEventListener("forbidden", () => stop("forbidden"));
    live.addEventListener("shutdown", () => showLink("shutdown"));
    addEventListener("online", () => { live._htmx?.sse?.reader?.cancel(); connect(); });
    addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  }

  // --- a press ----------------------------------------------------------

  const GUARD = 500;
  let words = "", wordsAt = -GUARD;
  const jointWords = () => $("#joint")?.dataset.kind + "|" + ($(".complete-words")?.textContent || "");
  const noteWords = () => {
    const w = jointWords();
    if (w === words) return;
    if (words) wordsAt = performance.now();
    words = w;
  };
  const tooSoon = () => performance.now() - wordsAt < GUARD;

  doc.addEventListener("submit", (e) => {
    if (e.target.id === "complete" && tooSoon()) {
      e.preventDefault();
      e.stopImmediatePropagation();
    }
  }, true);
  doc.addEventListener("htmx:before:request", (e) => { if (e.detail.ctx?.sourceElement?.matches("form")) $("#flash")?.replaceChildren(); });
  doc.addEventListener("htmx:error", (e) => {
    const tpl = $("template[data-unreached]"), flash = $("#flash");
    if (!e.detail.ctx?.sourceElement?.matches?.("form") || !tpl || !flash) return;
    flash.replaceChildren(tpl.content.cloneNode(true));
    announce(flash.textContent.trim(), true);
  });
  doc.addEventListener("htmx:response:error", (e) => {
    if (e.detail.ctx?.response?.status === 401 && e.detail.ctx.sourceElement !== live && live) stop("signed-out");
  });

  const whyOff = (button) => {
    const ids = (button.getAttribute("aria-describedby") || "").split(" ").concat(button.id ? [] : ["complete-line"]);
    const line = button.classList.contains("complete") ? $("#complete-line") : doc.getElementById(ids[0]);
    if (line) announce(line.textContent.trim(), false);
  };

  doc.addEventListener("click", (e) => {
    const el = e.target.closest?.("button");
    if (!el) return;
    if (el.getAttribute("aria-disabled") === "true") whyOff(el);
    else if ("copy" in el.dataset) copy(el);
    else if ("help" in el.dataset) toggleHelp();
    else if ("helpClose" in el.dataset) closeHelp();
    else if ("keep" in el.dataset) { kept = true; setText(el.previousElementSibling, el.dataset.kept); }
    else if ("keptClose" in el.dataset) dropKept();
  });
  const copy = (el) => navigator.clipboard?.writeText(el.dataset.copy).then(() => {
    announce(el.dataset.copied + " " + el.dataset.copy, false);
    el.classList.add("button-did");
    setTimeout(() => el.classList.remove("button-did"), 1500);
  });

  // --- choosing both ends -----------------------------------------------

  const picked = (name) => $(`input[name="${name}"]:checked`);
  const syncPick = () => {
    const form = $("#choose"), line = $("#complete-line"), button = $("#choose .complete");
    if (!form || !line) return;
    const c = picked("customer_session"), k = picked("consult_session");
    for (const [name, other] of [["customer_session", k], ["consult_session", c]]) {
      const radios = $$(`input[name="${name}"]`);
      for (const radio of radios) radio.disabled = !!other && radio.value === other.value;
      // Chromium's Tab skips a group without a choice once its first radio is switched off, until one has been on and off
      const free = radios.find((radio) => !radio.disabled);
      if (other && free && !picked(name)) { free.checked = true; free.checked = false; }
    }
    setText(line, c && k ? button.dataset.both : c ? c.dataset.say : k ? k.dataset.say : line.textContent);
  };
  // A click or Space on the second end pairs; an arrow key only moves along the options.
  let byArrow = false;
  const picker = (el) => el.form?.id === "choose" && el.type === "radio";
  const pair = (el) => { if (picked("customer_session") && picked("consult_session")) el.form.requestSubmit(); };
  doc.addEventListener("pointerdown", () => { byArrow = false; });
  doc.addEventListener("keydown", (e) => {
    byArrow = e.key.startsWith("Arrow");
    if (!picker(e.target) || (e.key !== " " && e.key !== "Enter") || e.repeat || e.ctrlKey || e.metaKey) return;
    if (e.target.checked) { e.preventDefault(); pair(e.target); }
  });
  doc.addEventListener("change", (e) => {
    if (!picker(e.target)) return;
    syncPick();
    if (!byArrow) pair(e.target);
  });

  // --- updates: focus stays, or goes to its bay's heading ---------------

  let focused = null, home = null, kept = false, held = false, panel = null;
  doc.addEventListener("htmx:before:swap", () => {
    focused = doc.activeElement === body ? null : doc.activeElement;
    home = focused?.closest("#customer, #consult, #joint, #others, #today, #kept")?.id;
    const joined = $("#joint .panel[data-joined]");
    held = !kept && joined?.matches(":hover, :focus, :focus-within");
    panel = joined && (kept || held) ? joined.cloneNode(true) : null;
  });
  const settled = () => {
    if (panel && !$("#joint .panel[data-joined]")) keep(panel);
    if (!$("#joint .panel[data-joined]")) kept = false;
    tick();
    tickAge();
    localise();
    syncPick();
    noteWords();
  };
  doc.addEventListener("htmx:after:swap", () => {
    settled();
    if (focused && !focused.isConnected && home && (doc.activeElement === body || !doc.activeElement)) {
      const box = doc.getElementById(home);
      ($("h2[tabindex], h3[tabindex], legend[tabindex], .panel, .complete", box) || $("#board")).focus({ preventScroll: true });
    }
    focused = panel = null;
  });
  doc.addEventListener("htmx:after:settle", () => { tick(); tickAge(); localise(); });
  const keep = (p) => {
    const box = $("#kept");
    if (!box) return;
    p.removeAttribute("data-joined");
    p.removeAttribute("data-testid");
    const close = doc.createElement("button");
    close.type = "button";
    close.className = "button";
    close.dataset.keptClose = "";
    close.textContent = box.dataset.close;
    $(".rail", p)?.remove();
    $(".complete-flat", p)?.remove();
    p.append(close);
    box.replaceChildren(p);
    box.hidden = false;
    if (held) box.dataset.held = ""; else delete box.dataset.held;
  };
  const dropKept = () => { const box = $("#kept"); box.hidden = true; box.replaceChildren(); };
  // What was only being looked at goes when pointer or focus has moved on; what was asked to stay, stays.
  const movedOn = (e) => {
    const box = $("#kept[data-held]");
    if (box && !box.hidden && !box.contains(e.target)) dropKept();
  };
  doc.addEventListener("pointermove", movedOn);
  doc.addEventListener("focusin", movedOn);
  doc.addEventListener("keydown", movedOn);

  // --- keys -------------------------------------------------------------

  const help = $("#help");
  let before = null, last = 0;
  const SINGLE = "cordboard.single-keys";
  const store = (v) => { try { localStorage.setItem(SINGLE, v); } catch { /* private mode */ } };
  const stored = () => { try { return localStorage.getItem(SINGLE); } catch { return null; } };
  let single = stored() !== "off";
  const box = $("[data-single]");
  if (box) {
    box.checked = single;
    box.addEventListener("change", () => { single = box.checked; store(single ? "on" : "off"); });
  }
  const closeHelp = () => { help.close(); before?.focus?.(); before = null; };
  const toggleHelp = () => {
    if (!help) return;
    if (help.open) { closeHelp(); return; }
    before = doc.activeElement;
    help.show(); // not a modal: the board stays in reach
    $("h2", help).focus();
  };
  const press = (button) => {
    if (!button || button.getAttribute("aria-disabled") === "true" || performance.now() - last < 300) return false;
    last = performance.now();
    button.form.requestSubmit(button);
    return true;
  };

  doc.addEventListener("keydown", (e) => {
    if (e.repeat || e.isComposing || e.defaultPrevented) return;
    if (e.key === "Escape") {
      const menu = $(".menu[open]");
      if (help?.open) closeHelp(); else if (menu) { menu.open = false; $("summary", menu).focus(); }
      return;
    }
    if (e.target.closest?.('input:not([type="radio"]):not([type="checkbox"]), textarea, select, [contenteditable]')) return;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey) {
      e.preventDefault();
      const button = $(".complete[data-ready]");
      if (!root.dataset.link) press(button);
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || !single) return;
    const key = e.key.toLowerCase();
    if (key === "?") { e.preventDefault(); toggleHelp(); }
    else if (key === "b") press($('#customer button[data-key="b"]'));
    else if (key === "r") press($('button[data-key="r"]'));
    else if (/^[1-9]$/.test(key)) $(`[data-call="${key}"]`)?.focus();
  });
  doc.addEventListener("click", (e) => { const menu = $(".menu[open]"); if (menu && !menu.contains(e.target)) menu.open = false; });

  // --- start ------------------------------------------------------------

  settled();
  // Not left to htmx: it begins before its extension for streams is there when that one comes late.
  if (live) setTimeout(connect);
  setInterval(tick, 250);
  setInterval(() => { tickAge(); watch(); }, 1000);
})();
