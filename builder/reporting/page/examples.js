"use strict";
// How a row of one release looks, with its candidates.

const PASSED = {
  never: ([correct, sampled]) => sampled > 0 && correct === 0,
  sometimes: ([correct, sampled]) => correct > 0 && correct < sampled,
  always: ([correct, sampled]) => sampled > 0 && correct === sampled,
};

const TEXTS_OF = (row) => [row.expert.text, row.kept.text, ...row.candidates.map((c) => c.text)];

const MATCHES = (row, { stage, source, passed, reason }) =>
  (!stage || row.stage === stage) && (!source || row.source === source) &&
  (!reason || row.reasons.includes(reason)) && (!passed || PASSED[passed](row.passed.self));

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

function DETAILS(row) {
  const passed = Object.entries(row.passed).filter(([, [, sampled]]) => sampled)
    .map(([phase, [correct, sampled]]) => `${phase} ${correct} of ${sampled} correct`);
  const facts = [row.source, row.origin, ...passed, row.answer === null ? "no gold answer" : `gold ${row.answer}`,
    row.expert_verdict && `expert ${inWords(row.expert_verdict)}`,
    row.fallback_reason && `fallback: ${inWords(row.fallback_reason)}`,
    row.stage === "guided_alignment" && `copy rate ${number(row.copy_rate)}`].filter(Boolean);
  const fallback = row.stage === "fallback";
  return [
    html("header", {},
      html("h3", {}, row.id), badge(STAGES[row.stage], row.stage), html("p", { class: "facts" }, facts.join(" · ")),
      row.reasons.length ? html("p", { class: "reasons" }, row.reasons.join(" · ")) : null),
    html("section", { class: "text problem" }, html("h4", {}, "Problem"), prose(row.problem)),
    html("div", { class: fallback ? "texts single" : "texts" },
      textPanel(fallback ? "Expert text, kept" : "Expert text", row.expert, "expert", fallback ? null : row.kept),
      fallback ? null : textPanel("Kept text", row.kept, row.stage, row.expert)),
    html("section", { class: "candidates" },
      html("h4", {}, `Candidates (${row.candidates.length})`),
      ...(row.candidates.length ? row.candidates.map(candidatePanel) : [html("p", { class: "empty" }, "None was drawn.")])),
  ];
}

for (const source of [...new Set(examples.map((row) => row.source))].sort()) {
  controls.source.append(html("option", { value: source }, source));
}
filter();
