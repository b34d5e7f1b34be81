// Copyright The netstats Authors. SPDX-License-Identifier: Apache-2.0
//
// Brings the page up to date once a second, by asking for it again and taking over
// what is different. All that is shown comes from the server, escaped; nothing here
// makes markup of text.
"use strict";

const interval = 1000;
const main = document.getElementById("main");
const status = document.getElementById("live");
const pause = document.getElementById("pause");
let paused = false;
let timer = 0;
let asking = null; // what stops the request under way

// morph makes a node like another one, and keeps what is the same already: focus,
// selection and the place under the pointer stay.
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (from.id === "rows") keyed(from, to);
  else children(from, to);
}

function children(from, to) {
  const old = [...from.childNodes];
  const now = [...to.childNodes];
  now.forEach((node, i) => (i < old.length ? morph(old[i], node) : from.append(node)));
  old.slice(now.length).forEach((node) => node.remove());
}

// keyed matches rows by what they show, wherever they have gone.
function keyed(from, to) {
  const old = new Map([...from.children].map((row) => [row.dataset.key, row]));
  let place = from.firstElementChild;
  for (const row of [...to.children]) {
    const known = old.get(row.dataset.key);
    if (!known) {
      from.insertBefore(row, place);
      continue;
    }
    old.delete(row.dataset.key);
    morph(known, row);
    if (known === place) place = place.nextElementSibling;
    else from.insertBefore(known, place);
  }
  for (const row of old.values()) row.remove();
}

// hold has the rows keep their places, as the pointer or the focus is among them:
// those that are gone are dimmed, and new ones wait.
function hold(to) {
  const rows = document.getElementById("rows");
  const next = to.querySelector("#rows");
  if (!rows || !next || !(rows.matches(":hover") || rows.contains(document.activeElement))) return;
  const now = new Map([...next.children].map((row) => [row.dataset.key, row]));
  const kept = [];
  for (const row of rows.children) {
    const key = row.dataset.key;
    if (row.className === "opening") continue;
    let same = now.get(key);
    if (!same) {
      same = row.cloneNode(true);
      same.classList.add("gone");
    }
    kept.push(same);
    const detail = now.get("d" + key);
    if (detail) kept.push(detail);
  }
  next.replaceChildren(...kept);
}

function say(text, lost) {
  status.textContent = text;
  status.classList.toggle("lost", lost);
}

async function refresh(held) {
  clearTimeout(timer);
  if (asking) asking.abort();
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch(location.href, { signal: mine.signal, cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const to = page.getElementById("main");
    if (!to) throw new Error("status " + answer.status);
    if (held) hold(to);
    morph(main, to);
    say(paused ? "paused" : page.getElementById("live").textContent, false);
  } catch (err) {
    if (mine.signal.aborted) return;
    say("the program does not answer: " + err.message, true);
  }
  asking = null;
  again();
}

function again() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, interval, true);
}

// show goes to another view.
function show(url, held) {
  if (url !== location.href) history.pushState(null, "", url);
  document.getElementById("q").value = new URL(location.href).searchParams.get("q") || "";
  refresh(held);
}

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) {
    clearTimeout(timer);
    if (asking) asking.abort();
    say("paused", false);
  } else {
    refresh(true);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  show(link.href, Boolean(link.closest("#rows") && !link.closest(".groups")));
});

let typing = 0;
function filter() {
  const form = document.getElementById("q").form;
  const query = new URLSearchParams(new FormData(form));
  if (!query.get("q")) query.delete("q");
  const url = new URL(location.href);
  url.search = query;
  history.replaceState(null, "", url);
  refresh(false);
}
document.addEventListener("input", (event) => {
  if (event.target.id !== "q") return;
  clearTimeout(typing);
  typing = setTimeout(filter, 200);
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});

document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("q").focus();
  } else if (event.key === "p") {
    toggle();
  }
});

addEventListener("popstate", () => show(location.href, false));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : again()));
pause.addEventListener("click", toggle);
pause.hidden = false;
again();
