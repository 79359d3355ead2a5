"use strict";
// Which words of a text another text has in the same order: a longest common subsequence.

const MOST_WORDS = 2000;  // the table has the product of both numbers of words

// [[whether the other text has it, part of the text], ...], which join to the text.
function differences(text, other) {
  const words = text.match(/\s*\S+/g) ?? [];
  const others = (other.match(/\S+/g) ?? []);
  if (words.length > MOST_WORDS || others.length > MOST_WORDS) return [[true, text]];
  const bare = words.map((word) => word.trimStart());
  const width = others.length + 1;
  const longest = new Uint16Array((words.length + 1) * width);
  for (let i = words.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      longest[i * width + j] = bare[i] === others[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const parts = [];
  let j = 0;
  for (let i = 0; i < words.length; i++) {
    while (j < others.length && bare[i] !== others[j] && longest[i * width + j + 1] === longest[i * width + j]) j++;
    const shared = j < others.length && bare[i] === others[j];
    if (shared) j++;
    if (parts.length && parts.at(-1)[0] === shared) parts.at(-1)[1] += words[i];
    else parts.push([shared, words[i]]);
  }
  return parts;
}
