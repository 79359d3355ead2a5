"use strict";
// What LaTeX commands stand for, as tables; used by formula.js.

const words = (text) => text.trim().split(/\s+/);
const table = (text) => Object.fromEntries(words(text).map((entry) => entry.split(":")));

// Identifiers: name:character. Capital Greek letters stay upright, as TeX sets them.
const LETTERS = table(`alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ vartheta:ϑ iota:ι
  kappa:κ lambda:λ mu:μ nu:ν xi:ξ pi:π varpi:ϖ rho:ρ varrho:ϱ sigma:σ varsigma:ς tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ
  psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω infty:∞ ell:ℓ hbar:ℏ
  emptyset:∅ varnothing:∅ partial:∂ nabla:∇ Re:ℜ Im:ℑ aleph:ℵ imath:ı jmath:ȷ degree:° circ:∘ prime:′ angle:∠
  measuredangle:∡ triangle:△ square:□ Box:□ blacksquare:■ bullet:∙ star:⋆ top:⊤ bot:⊥ checkmark:✓ diamond:⋄
  clubsuit:♣ diamondsuit:♢ heartsuit:♡ spadesuit:♠ pounds:£ S:§ AA:Å mho:℧ bigtriangleup:△`);
const OPERATORS = table(`times:× cdot:⋅ div:÷ pm:± mp:∓ ast:∗ le:≤ leq:≤ leqslant:≤ ge:≥ geq:≥ geqslant:≥ ne:≠ neq:≠
  approx:≈ equiv:≡ sim:∼ simeq:≃ cong:≅ propto:∝ ll:≪ gg:≫ in:∈ notin:∉ ni:∋ subset:⊂ subseteq:⊆ supset:⊃ supseteq:⊇
  subsetneq:⊊ cup:∪ cap:∩ setminus:∖ backslash:∖ to:→ rightarrow:→ leftarrow:← leftrightarrow:↔ Rightarrow:⇒
  Leftarrow:⇐ Leftrightarrow:⇔ iff:⟺ implies:⟹ impliedby:⟸ longrightarrow:⟶ Longrightarrow:⟹ Longleftrightarrow:⟺
  mapsto:↦ uparrow:↑ downarrow:↓ nearrow:↗ searrow:↘ forall:∀ exists:∃ nexists:∄ neg:¬ lnot:¬ land:∧ wedge:∧ lor:∨
  vee:∨ oplus:⊕ otimes:⊗ perp:⊥ parallel:∥ nparallel:∦ mid:∣ nmid:∤ vert:| lvert:| rvert:| Vert:‖ lVert:‖ rVert:‖
  lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ langle:⟨ rangle:⟩ lbrace:{ rbrace:} lbrack:[ rbrack:] ldots:… dots:… dotsc:…
  dotsb:⋯ cdots:⋯ dotsm:⋯ vdots:⋮ ddots:⋱ therefore:∴ because:∵ colon:: prec:≺ succ:≻ lt:< gt:> models:⊨ vdash:⊢
  doteq:≐ triangleq:≜ bigcirc:◯ odot:⊙ hookrightarrow:↪ rightleftharpoons:⇌ dagger:†`.replace("colon::", "colon:∶"));
const LARGE = table(`sum:∑ prod:∏ coprod:∐ int:∫ iint:∬ iiint:∭ oint:∮ bigcup:⋃ bigcap:⋂ bigoplus:⨁ bigotimes:⨂
  bigvee:⋁ bigwedge:⋀`);
const FUNCTIONS = new Set(words(`sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp arg deg
  det dim gcd hom ker Pr lcm`));
const LIMITS = new Set(words("lim max min sup inf limsup liminf"));
const ACCENTS = table(`hat:^ widehat:^ bar:¯ overline:‾ vec:→ overrightarrow:→ overleftarrow:← overleftrightarrow:↔
  tilde:~ widetilde:~ dot:˙ ddot:¨ check:ˇ breve:˘ acute:´ grave:\` overbrace:⏞ overarc:⌒ wideparen:⌒`);
const SPACES = { ",": 0.17, ":": 0.22, ">": 0.22, ";": 0.28, "!": -0.17, " ": 0.33, quad: 1, qquad: 2, enspace: 0.5,
  thinspace: 0.17 };
const IGNORED = new Set(words(`displaystyle textstyle scriptstyle limits nolimits hline notag nonumber allowbreak
  normalsize large Large small centering`));
const SIZES = /^(?:[bB]igg?[lrm]?)$/;
const ALPHABETS = { mathbb: 0x1d538, mathcal: 0x1d49c, mathscr: 0x1d49c, mathfrak: 0x1d504, mathbf: 0x1d400,
  boldsymbol: 0x1d400, bm: 0x1d400, bold: 0x1d400,
  textbf: 0x1d400, mathsf: 0x1d5a0, mathtt: 0x1d670, mathit: 0x1d434 };
// Letters that Unicode had before its mathematical alphabets, where these have holes.
const EXCEPTIONS = table(`mathbbC:ℂ mathbbH:ℍ mathbbN:ℕ mathbbP:ℙ mathbbQ:ℚ mathbbR:ℝ mathbbZ:ℤ mathcalB:ℬ mathcalE:ℰ
  mathcalF:ℱ mathcalH:ℋ mathcalI:ℐ mathcalL:ℒ mathcalM:ℳ mathcalR:ℛ mathith:ℎ`);
const FENCES = { pmatrix: "()", bmatrix: "[]", Bmatrix: "{}", vmatrix: "||", Vmatrix: "‖‖", cases: "{ " };
const ENVIRONMENTS = new Set(words(`matrix smallmatrix pmatrix bmatrix Bmatrix vmatrix Vmatrix cases array tabular
  aligned align alignedat gathered gather split eqnarray equation multline`));
