"use strict";
// The browser of examples: a list that filters narrow, and one row in full.

const examples = JSON.parse(document.getElementById("examples-data").textContent);
const byId = (id) => document.getElementById(id);
const list = byId("example-list");
const detail = byId("example");
const controls = { search: byId("search"), stage: byId("stage"), source: byId("source"), passed: byId("passed"), reason: byId("reason") };
const STAGES = { self_alignment: "self-alignment", guided_alignment: "guided-alignment", fallback: "fallback" };
const PASSED = {
  never: ([correct, sampled]) => sampled > 0 && correct === 0,
  sometimes: ([correct, sampled]) => correct > 0 && correct < sampled,
  always: ([correct, sampled]) => sampled > 0 && correct === sampled,
};
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
const haystack = (row) =>
  (row.haystack ??= [row.id, row.problem, row.expert.text, row.kept.text, ...row.candidates.map((c) => c.text)]
    .join("\n").toLowerCase());

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

function textPanel(title, text, kind, other) {
  const perToken = text.logprob === null ? null : text.logprob / text.tokens;
  return html("section", { class: `text ${kind}` },
    html("h4", {}, title),
    html("p", { class: "facts" }, `${text.tokens} tokens · ${number(perToken)} nats per token · ${number(text.logprob, 1)} in all`),
    other && byId("differences").checked ? compared(text.text, other.text, kind) : prose(text.text));
}

function candidatePanel(candidate) {
  const outcome = candidate.kept ? "kept" : candidate.rejected_reason === null ? "acceptable, not chosen"
    : candidate.rejected_reason === "not_correct" ? "" : `not kept: ${inWords(candidate.rejected_reason)}`;
  const box = html("details", { class: "candidate" },
    html("summary", {},
      html("span", { class: "which" }, `${candidate.phase} ${candidate.index}`),
      badge(inWords(candidate.verdict), `verdict ${candidate.verdict}`),
      outcome ? html("span", { class: candidate.kept ? "outcome is-kept" : "outcome" }, outcome) : null,
      html("span", { class: "facts" },
        `${candidate.tokens} tokens, ${number(candidate.logprob === null ? null : candidate.logprob / candidate.tokens)} nats per token${candidate.finish_reason === "length" ? ", cut off" : ""}`)));
  box.addEventListener("toggle", () => { if (box.open && box.children.length === 1) box.append(prose(candidate.text)); });
  return box;
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
  const passed = Object.entries(row.passed).filter(([, [, sampled]]) => sampled)
    .map(([phase, [correct, sampled]]) => `${phase} ${correct} of ${sampled} correct`);
  const facts = [row.source, row.origin, ...passed, row.answer === null ? "no gold answer" : `gold ${row.answer}`,
    row.expert_verdict && `expert ${inWords(row.expert_verdict)}`,
    row.fallback_reason && `fallback: ${inWords(row.fallback_reason)}`,
    row.stage === "guided_alignment" && `copy rate ${number(row.copy_rate)}`].filter(Boolean);
  const fallback = row.stage === "fallback";
  detail.replaceChildren(
    html("header", {},
      html("h3", {}, row.id), badge(STAGES[row.stage], row.stage), html("p", { class: "facts" }, facts.join(" · ")),
      row.reasons.length ? html("p", { class: "reasons" }, row.reasons.join(" · ")) : null),
    html("section", { class: "text problem" }, html("h4", {}, "Problem"), prose(row.problem)),
    html("div", { class: fallback ? "texts single" : "texts" },
      textPanel(fallback ? "Expert text, kept" : "Expert text", row.expert, "expert", fallback ? null : row.kept),
      fallback ? null : textPanel("Kept text", row.kept, row.stage, row.expert)),
    html("section", { class: "candidates" },
      html("h4", {}, `Candidates (${row.candidates.length})`),
      ...(row.candidates.length ? row.candidates.map(candidatePanel) : [html("p", { class: "empty" }, "None was drawn.")])));
}

function filter() {
  const wanted = controls.search.value.trim().toLowerCase();
  const { stage, source, passed, reason } = Object.fromEntries(Object.entries(controls).map(([k, node]) => [k, node.value]));
  shown = examples.filter((row) =>
    (!stage || row.stage === stage) && (!source || row.source === source) &&
    (!reason || row.reasons.includes(reason)) &&
    (!passed || PASSED[passed](row.passed.self)) && (!wanted || haystack(row).includes(wanted)));
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

for (const source of [...new Set(examples.map((row) => row.source))].sort()) {
  controls.source.append(html("option", { value: source }, source));
}
for (const node of Object.values(controls)) node.addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  for (const node of Object.values(controls)) node.value = "";
  filter();
});
for (const name of ["typeset", "differences"]) byId(name).addEventListener("change", () => show(current));
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
filter();
