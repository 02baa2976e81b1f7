// The dashboard's one script: colours, keys, times that stay true, and pages that stay up to date. Every page works without it.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// --- colours: the server reads the cookie, so that a page never flashes

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  document.cookie = `toril_theme=${name}; path=/dashboard; max-age=31536000; samesite=lax`;
  for (const button of all("[data-set-theme]")) button.setAttribute("aria-pressed", button.dataset.setTheme === name);
  drawCharts();
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-set-theme]");
  if (button) setTheme(button.dataset.setTheme);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts());

// --- times: "3 min ago" as app/dashboard/shown.py says it

function relative(then, now) {
  const seconds = Math.floor(Math.abs(now - then) / 1000);
  if (seconds < 5) return "now";
  const far = seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
  return then > now ? `in ${far}` : `${far} ago`;
}
function tellTimes(within = document) {
  for (const time of all("time[data-ago]", within)) {
    const text = relative(Date.parse(time.dateTime), Date.now());
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(() => document.hidden || tellTimes(), 1000);

// --- keys

const rows = () => all("tr[data-row]").filter((row) => row.offsetParent);
const here = () => document.querySelector("tr[data-row].here");

function go(step) {
  const list = rows();
  const next = list[Math.min(Math.max(list.indexOf(here()) + step, 0), list.length - 1)];
  if (!next) return;
  here()?.classList.remove("here");
  next.classList.add("here");
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}
const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  x: () => here()?.querySelector('input[type="checkbox"]')?.click(),
  r: () => update(true),
  "?": () => document.querySelector("[data-help]")?.showModal(),
  "/": () => document.querySelector("[data-search]")?.select(),
};
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return document.querySelector("[data-search]")?.select();
  }
  const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");
  if (event.key === "Escape" && event.target.matches("[data-search]")) event.target.blur();
  // A link that had the focus may have been replaced behind a dialog: the row is still the one.
  if (event.key === "Enter" && event.target === document.body) return here()?.querySelector("a")?.click();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

// --- live: the stream says that something changed; the page is asked again, and what differs is replaced

const state = document.querySelector("[data-live-state]");
let wanted = false, asking = false, last = 0;

function say(which, words) {
  if (!state) return;
  state.hidden = false;
  state.dataset.liveState = which;
  state.textContent = words;
  state.title = { live: "This page updates itself", waiting: "This page updates when you let go of it", away: "Not connected; trying again" }[which];
}
const isUnderPointer = (part) => part.querySelector("tr[data-row]:hover, form:hover, a:hover");
function isHeld(part) {
  const selection = getSelection();
  return (!selection.isCollapsed && part.contains(selection.anchorNode))
    || part.querySelector("input[type=checkbox]:checked")
    || (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button"));
}
function replace(part, fresh) {
  const index = rows().indexOf(here()), hadFocus = part.contains(document.activeElement);
  const link = hadFocus && document.activeElement.getAttribute("href");
  part.replaceWith(fresh);
  if (link) all("a", fresh).find((one) => one.getAttribute("href") === link)?.focus({ preventScroll: true });
  const row = index >= 0 && !here() && rows()[index];
  if (row) {
    row.classList.add("here");
    if (hadFocus) row.querySelector("a")?.focus({ preventScroll: true });
  }
  tellTimes(fresh);
  showCurrent(fresh);
  drawCharts(fresh);
}
async function update(now = false) {
  wanted = true;
  if (asking || document.hidden) return;
  asking = true;
  try {
    if (!now) await new Promise((done) => setTimeout(done, Math.max(0, 1500 - (Date.now() - last))));
    wanted = false;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return say("away", "not answering");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = all("[data-live]");
    // What stands above the row under the pointer waits with it, or would push it away.
    const under = parts.findLastIndex(isUnderPointer);
    let held = 0;
    for (const [at, part] of parts.entries()) {
      const fresh = page.getElementById(part.id);
      if (!fresh || part.shown === fresh.outerHTML) continue;
      if (at <= under || isHeld(part)) { held += 1; continue; }
      const html = fresh.outerHTML;
      if (part.outerHTML !== html) replace(part, fresh);
      fresh.shown = html;
    }
    if (held) { wanted = true; say("waiting", "waiting"); } else say("live", "live");
  } catch { say("away", "not answering"); } finally { last = Date.now(); asking = false; }
}
setInterval(() => wanted && update(), 1000);

function listen(url) {
  const source = new EventSource(url);
  source.addEventListener("changed", () => update());
  // What changed after the page was made and before the stream was open, nobody tells.
  source.onopen = () => { say("live", "live"); update(); };
  source.onerror = () => {
    say("away", "reconnecting");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => document.hidden ? null : connect(), 5000);
  };
  return source;
}
let source = null;
function connect() {
  const url = document.body.dataset.stream;
  source?.close();
  source = url && document.querySelector("[data-live]") ? listen(url) : null;
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { source?.close(); source = null; } else { connect(); if (document.querySelector("[data-live]")) update(); }
});
addEventListener("pagehide", () => source?.close());

// --- charts: drawn from the table inside the figure, which stays there to be read

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function cells(table) {
  const columns = all("thead th", table).map((cell) => cell.textContent);
  const lines = all("tbody tr", table).map((row) => all("td, th", row).map((cell) => Number(cell.dataset.x ?? cell.dataset.v ?? cell.textContent)));
  return { columns, data: columns.map((_, at) => lines.map((line) => (Number.isNaN(line[at]) ? null : line[at]))) };
}
const zone = document.documentElement.dataset.zone;
const hour = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
const moment = (at) => { const text = hour.format(at * 1000); return text === "00:00" ? day.format(at * 1000) : text; };

function draw(figure) {
  const place = figure.querySelector("[data-place]");
  const { columns, data } = cells(figure.querySelector("table:not(.u-legend)"));
  figure.drawn?.destroy();
  if (!data[0]?.length) return;
  const bars = figure.dataset.chart === "bars";
  const tones = (figure.dataset.tones ?? "accent busy warn").split(" ");
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${colour("--sans")}` };
  figure.drawn = new uPlot({
    width: place.clientWidth, height: Number(figure.dataset.height ?? 160), legend: { show: columns.length > 2, live: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: figure.dataset.x !== "number" }, y: figure.dataset.scale === "log" ? { distr: 3 } : { range: (_, __, most) => [0, Math.max(most, 1) * 1.08] } },
    axes: [figure.dataset.x === "number" ? axis : { ...axis, values: (_, ticks) => ticks.map(moment) }, { ...axis, size: 52, values: figure.dataset.scale === "log" ? undefined : (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick.toLocaleString("en") : "")) }],
    series: [{}, ...columns.slice(1).map((label, at) => ({
      label, stroke: colour(`--${tones[at % tones.length]}`), width: bars ? 0 : 2, points: { show: !bars && data[0].length < 3 },
      ...(bars ? { fill: colour(`--${tones[at % tones.length]}`), paths: uPlot.paths.bars({ size: [0.7, 40] }) } : {}),
    }))],
  }, data, place);
}
function drawCharts(within = document) {
  if (!("uPlot" in window)) return;
  const figures = all("figure[data-chart]", within);
  if (within.matches?.("figure[data-chart]")) figures.push(within);
  figures.forEach(draw);
}
// On a phone the pages, and a list's tabs, stand in one line that is longer than the screen.
function showCurrent(within = document) {
  for (const one of all(".side [aria-current], .tabs [aria-current]", within)) {
    const line = one.closest("ul, nav");
    line.scrollLeft += one.getBoundingClientRect().left - line.getBoundingClientRect().left - 60;
  }
}

let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => drawCharts(), 150); });

tellTimes();
showCurrent();
drawCharts();
if (!document.hidden) connect();
