"use strict";
// A list of rows that filters narrow, and one row in full. How a row looks is the page's own: `TEXTS_OF` a row are what
// a search reads, `MATCHES` says whether filters let it pass, `DETAILS` are the nodes that show it.

const examples = JSON.parse(document.getElementById("examples-data").textContent);
const byId = (id) => document.getElementById(id);
const list = byId("example-list");
const detail = byId("example");
const controls = Object.fromEntries([...document.querySelectorAll(".filters input, .filters select")].map((node) => [node.id, node]));
const STAGES = { self_alignment: "self-alignment", guided_alignment: "guided-alignment", fallback: "fallback" };
let shown = [];
let current = null;

function html(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const number = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits).replace("-", "−"));
const inWords = (name) => name.replaceAll("_", " ");
const haystack = (row) => (row.haystack ??= [row.id, row.problem, ...TEXTS_OF(row)].join("\n").toLowerCase());

function badge(text, kind) {
  return html("span", { class: `badge ${kind}` }, text);
}

function prose(text) {
  const box = html("div", { class: "prose", dir: "auto" });
  box.append(...(byId("typeset").checked ? typeset(text) : [text]));
  return box;
}

// A text beside the one that it was made from: words that only it has are marked.
function compared(text, other, kind) {
  const box = html("div", { class: "prose", dir: "auto" });
  for (const [shared, part] of differences(text, other)) box.append(shared ? part : html("mark", { class: kind }, part));
  return box;
}

// Nats below which a token is hardly, a little, ... very surprising.
const SURPRISING = [-0.1, -0.5, -1, -2, -4];

// A text as its tokens, the less likely the darker.
function coloured(parts) {
  const box = html("div", { class: "prose tokens", dir: "auto" });
  box.append(...parts.map(([part, logprob]) => {
    const level = logprob === null ? SURPRISING.length : SURPRISING.filter((limit) => logprob < limit).length;
    return html("span", { class: `level-${level}`, title: `log π ${number(logprob)}` }, part);
  }));
  return box;
}

function shownText(text, kind, other) {
  if (text.parts && byId("tokens")?.checked) return coloured(text.parts);
  return other && byId("differences").checked ? compared(text.text, other.text, kind) : prose(text.text);
}

function textPanel(title, text, kind, other) {
  const perToken = text.logprob === null ? null : text.logprob / text.tokens;
  return html("section", { class: `text ${kind}` },
    html("h4", {}, title),
    html("p", { class: "facts" }, `${text.tokens} tokens · ${number(perToken)} nats per token · ${number(text.logprob, 1)} in all`),
    shownText(text, kind, other));
}

function show(row) {
  current = row;
  for (const item of list.children) item.setAttribute("aria-selected", String(item.dataset.id === row?.id));
  if (!row) {
    detail.replaceChildren(html("p", { class: "empty" }, "No example matches. Widen the filters."));
    list.removeAttribute("aria-activedescendant");
    return;
  }
  const item = list.children[shown.indexOf(row)];
  list.setAttribute("aria-activedescendant", item.id);
  const above = item.offsetTop - list.scrollTop;  // scrollIntoView would move the page too
  if (above < 0) list.scrollTop = item.offsetTop;
  else if (above + item.offsetHeight > list.clientHeight) list.scrollTop = item.offsetTop + item.offsetHeight - list.clientHeight;
  detail.replaceChildren(...DETAILS(row));
}

function filter() {
  const chosen = Object.fromEntries(Object.entries(controls).map(([name, node]) => [name, node.value]));
  const wanted = chosen.search.trim().toLowerCase();
  shown = examples.filter((row) => MATCHES(row, chosen) && (!wanted || haystack(row).includes(wanted)));
  list.replaceChildren(...shown.map((row) => html("li", { role: "option", id: `row-${examples.indexOf(row)}`, "data-id": row.id },
    html("span", { class: `stripe ${row.stage}`, "aria-hidden": "true" }),
    html("span", { class: "name" }, row.id), html("span", { class: "preview" }, row.problem.slice(0, 90)))));
  byId("matches").textContent = `${shown.length.toLocaleString("en")} of ${examples.length.toLocaleString("en")} examples`;
  show(shown.includes(current) ? current : shown[0] ?? null);
}

function move(step) {
  if (!shown.length) return;
  const at = Math.min(Math.max(shown.indexOf(current) + step, 0), shown.length - 1);
  show(shown[at]);
}

for (const node of Object.values(controls)) node.addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  for (const node of Object.values(controls)) node.value = "";
  filter();
});
for (const name of ["typeset", "differences", "tokens"]) byId(name)?.addEventListener("change", () => show(current));
list.addEventListener("click", (event) => {
  const item = event.target.closest("li");
  if (item) show(shown.find((row) => row.id === item.dataset.id));
});
list.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    move(step);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "/") {
    event.preventDefault();
    controls.search.focus();
  }
});
