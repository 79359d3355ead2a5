"use strict";
// Text with LaTeX in it -> DOM nodes. Text is model output and never trusted: it becomes text nodes and MathML, and a
// formula that is not understood is shown as it was written.

const DELIMITED = new RegExp([
  String.raw`(?<drawing>\[asy\][\s\S]*?\[\/asy\])`,
  String.raw`\$\$(?<dollars>[^$]+)\$\$`,
  String.raw`\\\[(?<brackets>[\s\S]+?)\\\]`,
  String.raw`\\\((?<parentheses>[\s\S]+?)\\\)`,
  String.raw`(?<environment>\\begin\{(?<name>(?:align|equation|gather|eqnarray|multline)\*?)\}[\s\S]+?\\end\{\k<name>\})`,
  String.raw`(?<!\\)\$(?!\s)(?<dollar>(?:\\[\s\S]|[^$\\])+)(?<![\s=+*(-])\$(?!\d)`,
  String.raw`(?<box>\\boxed\{)`,
].join("|"), "g");
// "$5 for one pear and $" is money, not mathematics.
const PROSE = /(?:\b[a-zA-Z]{3,}\s+){2}[a-zA-Z]{3,}|\n\s*\n/;

function closingBrace(text, start) {
  for (let at = start, depth = 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return -1;
}

// Text -> [{text}, {text, source, display}, ...]: what is prose and what is mathematics, in order, nothing lost. Source
// is null for a drawing in Asymptote, which is code.
function segments(text) {
  const found = [];
  let done = 0;
  DELIMITED.lastIndex = 0;
  for (let match; (match = DELIMITED.exec(text)); ) {
    const g = match.groups;
    let end = DELIMITED.lastIndex;
    let source = g.dollars ?? g.brackets ?? g.parentheses ?? g.environment ?? g.dollar;
    if (g.dollar !== undefined && PROSE.test(g.dollar.replace(/\\[a-zA-Z]+(?:\{[^{}]*\})?/g, ""))) {
      DELIMITED.lastIndex = match.index + 1;
      continue;
    }
    if (g.drawing !== undefined) source = null;
    if (g.box !== undefined) {
      end = closingBrace(text, end);
      if (end < 0) continue;
      source = text.slice(match.index, end);
    }
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    const display = g.dollars !== undefined || g.brackets !== undefined || g.environment !== undefined;
    found.push({ text: text.slice(match.index, end), source, display });
    done = DELIMITED.lastIndex = end;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

// A formula as MathML, or as it was written.
function typesetFormula({ text, source, display }) {
  try {
    if (source === null) throw new Unsupported("Asymptote");
    return formula(source, display);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    const code = document.createElement("code");
    code.textContent = text;
    if (text.includes("\n")) code.className = "block";
    return code;
  }
}

// Text -> DOM nodes.
function typeset(text) {
  const nodes = [];
  for (const segment of segments(text)) {
    if (segment.source !== undefined) {
      nodes.push(typesetFormula(segment));
      continue;
    }
    // A full stop must not begin the line after its formula.
    const stop = nodes.length ? /^[.,;:!?)]*/.exec(segment.text)[0] : "";
    if (stop) {
      const together = document.createElement("span");
      together.className = "together";
      together.append(nodes.pop(), stop);
      nodes.push(together);
    }
    nodes.push(document.createTextNode(segment.text.slice(stop.length)));
  }
  return nodes;
}
