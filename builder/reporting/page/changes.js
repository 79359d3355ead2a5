"use strict";
// How a row looks that two releases have and one has changed.

const TEXTS_OF = (row) => [row.before.text, row.after.text, row.expert];

const MATCHES = (row, { before, after, change }) =>
  (!before || row.stage_before === before) && (!after || row.stage === after) && (!change || row.changed.includes(change));

function DETAILS(row) {
  const expert = html("details", { class: "candidate" }, html("summary", {}, "Expert text"));
  expert.addEventListener("toggle", () => { if (expert.open && expert.children.length === 1) expert.append(prose(row.expert)); });
  const title = (name, stage) => `${name}: ${STAGES[stage]}`;
  return [
    html("header", {},
      html("h3", {}, row.id), badge(STAGES[row.stage_before], row.stage_before), "→", badge(STAGES[row.stage], row.stage),
      html("p", { class: "facts" }, `changed: ${row.changed.join(", ")}`)),
    html("section", { class: "text problem" }, html("h4", {}, "Problem"), prose(row.problem)),
    html("div", { class: "texts" },
      textPanel(title("A", row.stage_before), row.before, panel(row.stage_before), row.after),
      textPanel(title("B", row.stage), row.after, panel(row.stage), row.before)),
    html("section", { class: "candidates" }, expert),
  ];
}

// Fallback keeps the expert's text, whose colour it has.
function panel(stage) {
  return stage === "fallback" ? "expert" : stage;
}

filter();
