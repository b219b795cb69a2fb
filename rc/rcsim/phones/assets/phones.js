// The phones page. It shows what api/stream says and never what it expects; a press only sends a command to the control API.
//
// What a browser test may rely on (data-testid; ROLE is outside, agent or consult):
//   link                     data-state waiting | live | lost: the state stream
//   phone-ROLE               one phone; data-number is whose it is, data-plate free | off | ring | talk | hold | mail | lines
//   ROLE-who                 select: which person or number this phone plays (kept in the hash: #outside=…&agent=102&consult=107)
//   ROLE-plate, ROLE-socket, ROLE-said    state word; gateway socket of that extension; the last refusal, in words
//   ROLE-leg                 one live call: data-line 1, 2 … (a line keeps its number while it lives), data-session, data-party,
//                            data-code (RingCentral's word), data-state ring | calls | talk | hold | mail | silent
//   ROLE-gone                a call that this phone has left: data-session, data-code, data-reason
//   ROLE-answer-N, ROLE-decline-N, ROLE-hold-N, ROLE-unhold-N, ROLE-hangup-N    N is the line; there only when allowed
//   ROLE-more-N              unfolds ROLE-ignore-N, ROLE-park-N, ROLE-record-N, ROLE-pause-N, ROLE-resume-N, ROLE-mute-N, ROLE-unmute-N
//   ROLE-dial, ROLE-call     number field and its button
//   cord-A-B                 data-kind audio | silent | rings; A, B are ROLEs
//   story-play, story-step, story-x1, story-x4, story-reset, story-say, story-steps
//   step-1 … step-8          data-step todo | now | done, with data-at (seconds since the story began)
//   say                      data-kind idle | on | turn | lost | end;  open-app: link to Cordboard
//   company-count, company-said; queue-EXT, queue-EXT-call; parked, pickup-SLOT-ROLE (SLOT without its star); mailboxes;
//   listeners, listen, listen-stop; conferences
//   people; person-EXT       data-state free | off, or as a leg's; person-EXT-takes (select); person-EXT-answer-I, -decline-I,
//                            -hangup-I: the I-th of the person's calls
//   broken                   what is broken now: each li has data-fault, mend-FAULT mends it; broken-facts, fault-clear (mends all)
//   fault-cut, fault-deaf, fault-recovery, fault-revoke, fault-expire, fault-hold, fault-release, fault-shuffle, fault-drop,
//   fault-double, fault-disorder, fault-late, fault-refuse, fault-pretend, fault-lose, fault-sever, fault-leaves, fault-voicemail,
//   fault-hangup, fault-busy, fault-slow, fault-door, fault-restart, break-said
//   any                      unfolds any-operation, any-kind, any-told, any-who, any-times (selects), any-set
//   tape, tape-count; each row of tape has data-session, data-seq, data-code

import { $, attr, say } from "./dom.js";
import { account, listen, meet, onChange, press, redraw, state } from "./wire.js";
import { clock } from "./calls.js";
import { choose } from "./cast.js";
import { makeFaults, showFaults } from "./faults.js";
import { makePhones, showPhones } from "./phone.js";
import { showCords } from "./cords.js";
import { showStory, story } from "./story.js";
import { showCompany } from "./company.js";
import { showTape } from "./tape.js";

function render() {
  if (!state || !account.users.length) return;
  say($("facts"), `port ${location.port || (location.protocol === "https:" ? 443 : 80)}, seed ${state.seed}, `);
  showPhones();
  showStory();
  showFaults();
  showCompany();
  showTape();
  showCords();
}

async function start() {
  await meet();
  choose();
  makePhones();
  makeFaults();
  story.recall();
  $("play").addEventListener("click", () => { if ($("play").getAttribute("aria-disabled") !== "true") story.play(); });
  $("step").addEventListener("click", () => { if ($("step").getAttribute("aria-disabled") !== "true") story.step(); });
  $("reset").addEventListener("click", () => press($("break-said"), "reset", () => story.reset()));
  for (const b of document.querySelectorAll("[data-pace]")) b.addEventListener("click", () => { story.pace = Number(b.dataset.pace); story.keep(); redraw(); });
  window.addEventListener("hashchange", () => { choose(); story.forget(); redraw(); });
  new ResizeObserver(() => state && showCords()).observe($("phones"));
  setInterval(() => {
    story.look();
    for (const el of document.querySelectorAll("[data-since]")) say(el, clock(el.dataset.since));
    if (story.begun() && !story.done()) showStory();
  }, 200);
  onChange(() => { story.look(); render(); });
  redraw();
  listen();
}

start();
