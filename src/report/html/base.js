const DATA = JSON.parse(document.getElementById("data").textContent);
const LEGEND = new Map(DATA.legend.map((entry) => [entry.name, entry]));
const SVG = "http://www.w3.org/2000/svg";

// Elements. What others said is only ever a text node or an attribute that is no code.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  return node;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Numbers. A thin space parts thousands.
const grouped = (text) => {
  const [whole, rest] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") + (rest === undefined ? "" : "." + rest);
};
const fixed = (value, places) => grouped(value.toFixed(places));
const count = (value) => grouped(String(value));
// Times in tables: hundredths of a millisecond, as the text report has them.
const ms = (value) => fixed(value, 2);
// Times that stand alone: about four digits.
const near = (value) => fixed(value, value < 10 ? 2 : value < 1000 ? 1 : 0);
const percent = (share) => fixed(share * 100, share !== 0 && Math.abs(share) < 0.001 ? 3 : 2) + " %";
const usd = (value) => {
  if (value === 0) return "$0.00";
  const places = Math.min(9, Math.max(2, 3 - Math.floor(Math.log10(Math.abs(value)))));
  return "$" + grouped(value.toFixed(places).replace(/(\.\d\d\d*?)0+$/, "$1"));
};
// A tick of an axis: no more digits than it needs.
const tick = (value) => (value >= 1000 ? grouped(String(Math.round(value))) : String(Number(value.toPrecision(3))));
const seconds = (value) => {
  const all = Math.round(value);
  const part = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60)];
  if (hours > 0) return hours + ":" + part(minutes) + ":" + part(all % 60);
  return minutes > 0 || all >= 60 ? minutes + ":" + part(all % 60) : all + " s";
};

const SHORT = { ttft: "TTFT", e2e: "e2e", service: "service", tpot: "TPOT", chunk_gap: "chunk gap" };
const labelOf = (metric) => (LEGEND.get(metric) || { label: metric }).label;
const formulaOf = (metric) => (LEGEND.get(metric) || { formula: "" }).formula;

// A word with its formula, on hover and on focus.
let terms = 0;
function term(metric, text) {
  const formula = formulaOf(metric);
  if (!formula) return text;
  const id = "tip" + ++terms;
  const tip = h("span", { class: "tip", role: "tooltip", id }, "= " + formula);
  return h("button", { type: "button", class: "term", "aria-describedby": id }, text, tip);
}

// A table. `head` are strings, or lists that begin with one; a column whose title begins with "#" holds numbers.
function table(head, rows, options = {}) {
  const numeric = head.map((cell) => String(cell[0]).startsWith("#"));
  const title = (cell) => (typeof cell === "string" ? cell.replace(/^#/, "") : cell.slice(1));
  const cell = (value, at) => {
    if (value instanceof HTMLTableCellElement) return value;
    const attributes = { class: numeric[at] ? "num" : null };
    return at === 0 && options.rows !== false ? h("th", { scope: "row", ...attributes }, value) : h("td", attributes, value);
  };
  const kind = "grid" + (options.wide ? " wide" : "") + (options.class ? " " + options.class : "");
  const made = h("table", { class: kind, id: options.id },
    options.caption ? h("caption", { class: "seen" }, options.caption) : null,
    h("thead", null, h("tr", null, head.map((name, at) => h("th", { scope: "col", class: numeric[at] ? "num" : null }, title(name))))),
    h("tbody", null, rows.map((row) => h("tr", null, row.map(cell)))));
  const attributes = { class: "scroll", tabindex: 0, role: "region", "aria-label": options.caption || "table" };
  return h("div", attributes, made);
}

// The scopes of the run, and which of them are drawn.
const SCOPES = DATA.summary.scopes.map((scope) => scope.scope);
const ARMS = SCOPES.filter((scope) => scope.startsWith("arm:"));
// Arms are what is compared, and then a total of them says little.
const LEAD = ARMS.length > 1 ? ARMS : ["total"];
// One recipe alone is the total once more.
const ONE = SCOPES.filter((scope) => scope.startsWith("recipe:")).length === 1;
const SERIES = SCOPES.filter((scope) => !(ONE && scope.startsWith("recipe:"))).slice(0, 16);
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 3", "8 2 2 2 2 2"];
const COLOURS = new Map();
{
  // Arms take the first colours, whatever else is there.
  const order = [...SERIES.filter((scope) => scope.startsWith("arm:")), ...SERIES.filter((scope) => !/^(arm:|total$)/.test(scope))];
  order.forEach((scope, at) => COLOURS.set(scope, [1 + (at % 7), DASHES[Math.floor(at / 7) % DASHES.length]]));
  if (SERIES.includes("total")) COLOURS.set("total", [0, ""]);
}
const colour = (scope) => "var(--s" + (COLOURS.get(scope) || [0])[0] + ")";
const dash = (scope) => (COLOURS.get(scope) || [0, ""])[1];
// A name without what kind of scope it is, where that is clear.
const nameOf = (scope) => scope.replace(/^(arm|recipe|group):/, "");
const kindOf = (scope) => (scope.startsWith("recipe:") && ARMS.length > 1 ? "recipe " : "");
function swatch(scope) {
  const line = s("line", { x1: 0, x2: 20, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": dash(scope) });
  line.style.stroke = colour(scope);
  return s("svg", { class: "sw", viewBox: "0 0 20 10", "aria-hidden": "true" }, line);
}
const named = (scope) => [swatch(scope), h("span", { class: "name" }, kindOf(scope) + nameOf(scope))];
