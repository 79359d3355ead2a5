"use strict";
// LaTeX -> MathML nodes, by recursive descent. What is not understood throws Unsupported: better no formula than a wrong
// one. Nothing here parses HTML, whatever the source says.

const MATHML = "http://www.w3.org/1998/Math/MathML";

class Unsupported extends Error {}

function math(name, children = [], attributes = {}) {
  const node = document.createElementNS(MATHML, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

class Formula {
  constructor(source) {
    this.tokens = source.match(/\\[a-zA-Z]+|\\[\s\S]|\d+(?:\.\d+)?|\s+|[\s\S]/gu) ?? [];
    this.at = 0;
  }

  peek() {
    while (/^\s+$/.test(this.tokens[this.at] ?? "")) this.at += 1;
    return this.tokens[this.at];
  }

  next() {
    const token = this.peek();
    this.at += 1;
    return token;
  }

  // Rows and cells up to a closing token: a single cell is itself, anything else a table.
  body(close, align) {
    const rows = [[[]]];
    for (let token; (token = this.peek()) !== close; ) {
      if (token === undefined) throw new Unsupported(`no ${close}`);
      if (token === "&") {
        this.next();
        rows.at(-1).push([]);
      } else if (token === "\\\\" || token === "\\cr" || token === "\\newline") {
        this.next();
        if (this.peek() === "[") this.until("]");
        rows.push([[]]);
      } else rows.at(-1).at(-1).push(...this.term());
    }
    this.next();
    if (rows.length > 1 && rows.at(-1).length === 1 && !rows.at(-1)[0].length) rows.pop();
    if (rows.length === 1 && rows[0].length === 1 && !align) return rows[0][0];
    const columns = align ?? "c";
    const cell = (content, k) => math("mtd", content, { class: `column-${columns[k % columns.length]}` });
    const displayed = align?.startsWith("r") ? { displaystyle: "true" } : {};
    return [math("mtable", rows.map((cells) => math("mtr", cells.map(cell))), displayed)];
  }

  // Nodes up to a closing token, in one row.
  row(close) {
    const nodes = [];
    while (this.peek() !== close) {
      if (this.peek() === undefined) throw new Unsupported(`no ${close}`);
      if (this.peek() === "\\over" || this.peek() === "\\choose") {
        const over = this.next() === "\\over";
        const parts = [math("mrow", nodes), math("mrow", this.row(close))];
        return over ? [math("mfrac", parts)] : [parenthesized(math("mfrac", parts, { linethickness: "0" }))];
      }
      nodes.push(...this.term());
    }
    this.next();
    return nodes;
  }

  // An atom with its scripts.
  term() {
    const token = this.peek();
    let base = "^_'’".includes(token) ? [math("mrow")] : this.atom();
    const [under, over] = [[], []];
    for (let mark; "^_'’".includes((mark = this.peek() ?? " ")) || mark === "\\limits" || mark === "\\nolimits"; ) {
      this.next();
      if (mark === "^") over.push(...this.argument());
      else if (mark === "_") under.push(...this.argument());
      else if ("'’".includes(mark)) over.push(math("mo", ["′"]));
    }
    if (!under.length && !over.length) return base;
    const last = base.pop();
    const stacked = last?.hasAttribute("data-limits");
    const parts = [last ?? math("mrow"), under.length && math("mrow", under), over.length && math("mrow", over)];
    const name = stacked
      ? (under.length && over.length ? "munderover" : under.length ? "munder" : "mover")
      : (under.length && over.length ? "msubsup" : under.length ? "msub" : "msup");
    return [...base, math(name, parts.filter(Boolean))];
  }

  // One braced group, or one token: of a number, as TeX has it, its first digit alone.
  argument() {
    const token = this.peek() ?? this.fail("nothing to take");
    if (/^\d./.test(token)) this.tokens.splice(this.at, 1, token[0], token.slice(1));
    if (token !== "{") return this.atom();
    this.next();
    return this.row("}");
  }

  group() {
    return math("mrow", this.argument());
  }

  // The raw text of an argument.
  raw() {
    const token = this.next() ?? this.fail("nothing to take");
    return token === "{" ? this.until("}") : token;
  }

  until(close) {
    let text = "";
    for (let depth = 0; ; this.at += 1) {
      const token = this.tokens[this.at];
      if (token === undefined) this.fail(`no ${close}`);
      if (token === close && depth === 0) break;
      depth += token === "{" ? 1 : token === "}" ? -1 : 0;
      text += token;
    }
    this.at += 1;
    return text;
  }

  fail(reason) {
    throw new Unsupported(reason);
  }

  atom() {
    const token = this.next();
    if (token === undefined || token === "}" || token === "&" || token === "#") this.fail(token);
    if (token === "{") {
      const inner = this.row("}");
      // 10{,}000: braces take the space away that follows a comma.
      if (inner.length === 1 && inner[0].textContent === ",") return [math("mtext", [","])];
      return [math("mrow", inner)];
    }
    if (token.startsWith("\\")) return this.command(token.slice(1));
    if (/^\d/.test(token)) return [math("mn", [token])];
    if (/^\p{L}$/u.test(token)) return [math("mi", [token])];
    if (token === "~") return [math("mspace", [], { width: "0.33em" })];
    if (token === "-") return [math("mo", ["−"])];
    if ("()[]|".includes(token)) return [math("mo", [token], { stretchy: "false" })];
    return [math("mo", [token])];
  }

  command(name) {
    if (name in LETTERS) {
      const upright = /^[\p{Lu}∞∘°′∅]$/u.test(LETTERS[name]) ? { mathvariant: "normal" } : {};
      return [math("mi", [LETTERS[name]], upright)];
    }
    if (name in OPERATORS) return [math("mo", [OPERATORS[name]], { stretchy: "false" })];
    if (name in LARGE) return [math("mo", [LARGE[name]], LARGE[name] < "∫" || LARGE[name] > "∮" ? { "data-limits": "" } : {})];
    if (FUNCTIONS.has(name)) return [math("mi", [name]), ...this.gap()];
    if (LIMITS.has(name)) return [math("mo", [name], { "data-limits": "", movablelimits: "true" })];
    if (name in SPACES) return [math("mspace", [], { width: `${SPACES[name]}em` })];
    if (/^\s$/.test(name)) return [math("mspace", [], { width: "0.33em" })];
    if (IGNORED.has(name)) return [];
    if (name in ALPHABETS) return [this.alphabet(name)];
    if (name in ACCENTS) return [math("mover", [this.group(), math("mo", [ACCENTS[name]])], { accent: "true" })];
    if (SIZES.test(name)) return [math("mo", [this.delimiter()], { stretchy: "false", class: `size-${name[0] === "B" ? 2 : 1}` })];
    if ("{}%$&#_|".includes(name)) return [math("mo", [name === "|" ? "‖" : name], { stretchy: "false" })];
    const rule = RULES[name];
    return rule ? [].concat(rule(this)) : this.fail(`\\${name}`);
  }

  // Between a function's name and what follows without parentheses.
  gap() {
    return /^[\^_({\[)}]|^\\(?:left|right|\\|limits)|^$/.test(this.peek() ?? "") ? [] : [math("mspace", [], { width: "0.17em" })];
  }

  delimiter() {
    const token = this.next() ?? this.fail("no delimiter");
    if (token === ".") return "";
    const name = token.startsWith("\\") ? token.slice(1) : token;
    return name === "|" && token !== "|" ? "‖" : OPERATORS[name] ?? name;
  }

  alphabet(name) {
    const start = ALPHABETS[name];
    const group = this.group();
    const leaves = group.querySelectorAll("mi, mn");
    for (const leaf of leaves) {
      leaf.textContent = leaf.textContent.replace(/[A-Za-z]/g, (letter) => {
        const index = letter < "a" ? letter.charCodeAt(0) - 65 : letter.charCodeAt(0) - 71;
        return EXCEPTIONS[name + letter] ?? String.fromCodePoint(start + index);
      });
      if (start === ALPHABETS.mathbf) leaf.textContent = leaf.textContent.replace(/\d/g, (d) => String.fromCodePoint(0x1d7ce + Number(d)));
    }
    return group;
  }

  environment() {
    const name = this.raw();
    const kind = name.replace("*", "");
    if (!ENVIRONMENTS.has(kind)) this.fail(name);
    if (kind === "alignedat") this.raw();
    let align = { cases: "l", aligned: "rl", align: "rl", alignedat: "rl", split: "rl", eqnarray: "rcl" }[kind] ?? "c";
    if (kind === "array" || kind === "tabular") align = this.raw().replace(/[^lcr]/g, "") || "c";
    const content = this.body("\\end", align);
    if (this.raw() !== name) this.fail("environments cross");
    const fence = (mark) => math("mo", [mark.trim()], { fence: "true", stretchy: "true" });
    const fences = FENCES[kind];
    return math("mrow", fences ? [fence(fences[0]), ...content, fence(fences[1])] : content);
  }
}

const spaced = (text) => text.replace(/\\[ ,;:!]|~/g, "\u00a0");
const upright = (text) => math("mi", [text], text.length === 1 ? { mathvariant: "normal" } : {});
const plainText = (formula) => {
  const parts = formula.raw().split("$");
  const nodes = parts.map((part, k) => (k % 2 ? math("mrow", new Formula(part + "}").row("}"))
    : math("mtext", [part.replace(/^ | $/g, "\u00a0").replace(/\\([%$&#_{}, ])/g, "$1")])));
  return nodes.length === 1 ? nodes[0] : math("mrow", nodes);
};
const fraction = (formula, attributes = {}) => math("mfrac", [formula.group(), formula.group()], attributes);
const displayed = (node) => math("mstyle", [node], { displaystyle: "true" });
const parenthesized = (node) => math("mrow", [math("mo", ["("]), node, math("mo", [")"])]);
const binomial = (formula) => parenthesized(fraction(formula, { linethickness: "0" }));
const stacked = (name, first) => (formula) => {
  const mark = formula.group();
  const base = formula.group();
  return math(name, first ? [base, mark] : [mark, base]);
};
const arrow = (mark) => (formula) => {
  const below = formula.peek() === "[" ? (formula.next(), math("mrow", formula.row("]"))) : null;
  const sign = math("mo", [mark], { stretchy: "true" });
  const over = formula.group();
  return below ? math("munderover", [sign, below, over]) : math("mover", [sign, over]);
};
const skipping = (formula) => {
  formula.raw();
  return [];
};
const RULES = {
  frac: (f) => fraction(f),
  tfrac: (f) => fraction(f),
  dfrac: (f) => displayed(fraction(f)),
  cfrac: (f) => displayed(fraction(f)),
  binom: binomial, dbinom: binomial, tbinom: binomial,
  sqrt: (f) => {
    if (f.peek() !== "[") return math("msqrt", f.argument());
    f.next();
    const index = math("mrow", f.row("]"));
    return math("mroot", [f.group(), index]);
  },
  text: plainText, textrm: plainText, textit: plainText, textnormal: plainText, texttt: plainText, mbox: plainText,
  textsf: plainText, textup: plainText, emph: plainText,
  mathrm: (f) => {
    const text = spaced(f.raw());
    return text.includes("\\") ? math("mrow", new Formula(`${text}}`).row("}")) : upright(text);
  },
  rm: () => [],
  operatorname: (f) => [upright(spaced((f.peek() === "*" && f.next(), f.raw()))), ...f.gap()],
  left: (f) => {
    const nodes = [math("mo", [f.delimiter()], { fence: "true", stretchy: "true" })];
    while (f.peek() !== "\\right") {
      if (f.peek() === undefined) f.fail("no \\right");
      if (f.peek() === "\\middle") nodes.push((f.next(), math("mo", [f.delimiter()], { stretchy: "true" })));
      else nodes.push(...f.term());
    }
    f.next();
    return math("mrow", [...nodes, math("mo", [f.delimiter()], { fence: "true", stretchy: "true" })]);
  },
  underline: (f) => math("munder", [f.group(), math("mo", ["_"], { stretchy: "true" })]),
  underbrace: (f) => math("munder", [f.group(), math("mo", ["⏟"], { "data-limits": "" })], { "data-limits": "" }),
  overset: stacked("mover", true), stackrel: stacked("mover", true), underset: stacked("munder", true),
  xrightarrow: arrow("→"), xleftarrow: arrow("←"),
  boxed: (f) => math("mrow", f.argument(), { class: "boxed" }),
  fbox: (f) => math("mrow", [plainText(f)], { class: "boxed" }),
  framebox: (f) => math("mrow", [plainText(f)], { class: "boxed" }),
  cancel: (f) => math("mrow", f.argument(), { class: "cancel" }),
  hphantom: (f) => math("mphantom", f.argument()),
  phantom: (f) => math("mphantom", f.argument()),
  substack: (f) => (f.next() === "{" ? f.body("}", "c") : f.fail("substack")),
  pmod: (f) => math("mrow", [math("mspace", [], { width: "0.6em" }), math("mo", ["("]), upright("mod"),
    math("mspace", [], { width: "0.33em" }), ...f.argument(), math("mo", [")"])]),
  bmod: () => math("mo", ["mod"], { lspace: "0.3em", rspace: "0.3em" }),
  mod: () => math("mo", ["mod"], { lspace: "0.6em", rspace: "0.3em" }),
  not: (f) => math("mo", [`${f.atom()[0].textContent}\u0338`]),
  begin: (f) => f.environment(),
  tag: skipping, label: skipping, hspace: skipping, vspace: skipping, color: skipping,
  textcolor: (f) => (f.raw(), f.group()),
};

// LaTeX without its delimiters -> <math>; throws Unsupported.
function formula(source, display) {
  const parsed = new Formula(`${source}}`);
  const body = parsed.body("}");
  if (parsed.at < parsed.tokens.length) throw new Unsupported("unbalanced braces");
  const attributes = { alttext: source };
  return math("math", [math("mrow", body)], display ? { ...attributes, display: "block" } : attributes);
}
