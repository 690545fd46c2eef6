
// Scales: from a value to a place in a range. A logarithmic one has a tick for each 1, 2, 5.
function scaleLinear(low, high, from, to) {
  const span = high - low || 1;
  const at = (value) => from + ((value - low) / span) * (to - from);
  const rough = span / Math.max(2, Math.abs(to - from) / 44);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  at.ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) at.ticks.push(Number((k * step).toPrecision(12)));
  return at;
}
function scaleLog(low, high, from, to) {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  const span = b - a || 1;
  const at = (value) => from + ((Math.log10(Math.max(value, low)) - a) / span) * (to - from);
  const room = Math.abs(to - from) / span;
  const kept = room > 210 ? [1, 1.5, 2, 3, 5, 7] : room > 80 ? [1, 2, 5] : room > 40 ? [1, 3] : [1];
  at.ticks = [];
  for (let k = Math.floor(a); k <= Math.ceil(b); k++) {
    for (const n of kept) {
      const value = n * 10 ** k;
      if (value >= low * 0.9999 && value <= high * 1.0001) at.ticks.push(Number(value.toPrecision(6)));
    }
  }
  return at;
}
// A scale of times that holds all of `values`, with a little room.
function scaleTimes(values, kind, from, to) {
  const known = values.filter((value) => value !== null && value > 0);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (!known.length) [low, high] = [1, 10];
  if (kind === "log") {
    // Gaps of nearly nothing would take most of the scale: they stand at its foot.
    low = Math.max(low, high / 1e4);
    const room = Math.max((high / low) ** 0.04, 1.03);
    return scaleLog(low / room, high * room, from, to);
  }
  return scaleLinear(0, high * 1.04, from, to);
}

const line = (x1, y1, x2, y2, kind) => s("line", { x1, y1, x2, y2, class: kind });
const words = (x, y, text, anchor, kind) => s("text", { x, y, "text-anchor": anchor || "start", class: kind }, text);
const round = (value) => Math.round(value * 10) / 10;

// The left axis of a panel: its lines, its ticks, and what it is of.
function leftAxis(y, box, say, title) {
  const parts = [];
  let last = Infinity;
  for (const value of y.ticks) {
    const at = round(y(value));
    if (at < box.top - 1 || at > box.bottom + 1) continue;
    parts.push(line(box.left, at, box.right, at, "gridline"));
    if (last - at >= 13) {
      parts.push(words(box.left - 6, at + 3.5, say(value), "end"));
      last = at;
    }
  }
  if (title) parts.push(words(0, box.top - 7, title));
  return parts;
}

// A line through points; a missing one breaks it, and one that stands alone is a dash.
function path(points) {
  let out = "";
  let pen = false;
  points.forEach((point, at) => {
    if (point === null) {
      pen = false;
      return;
    }
    const [x, y] = [round(point[0]), round(point[1])];
    const alone = !pen && (at + 1 >= points.length || points[at + 1] === null);
    out += alone ? "M" + (x - 2) + " " + y + "h4" : (pen ? "L" : "M") + x + " " + y;
    pen = true;
  });
  return out;
}
function drawn(scope, d, kind, options = {}) {
  const node = s("path", { d, class: kind, "stroke-dasharray": options.dash === undefined ? dash(scope) : options.dash });
  node.style[options.fill ? "fill" : "stroke"] = colour(scope);
  return node;
}

// Names beside the ends of lines, moved apart where they would lie on each other.
function endLabels(ends, box) {
  const sorted = ends.filter((end) => end.y !== null).sort((a, b) => a.y - b.y);
  sorted.forEach((end, at) => {
    const above = at > 0 ? sorted[at - 1].place + 13 : -Infinity;
    end.place = Math.max(end.y + 4, above);
  });
  for (let at = sorted.length - 1, below = box.bottom + 4; at >= 0; at--) {
    sorted[at].place = Math.min(sorted[at].place, below);
    below = sorted[at].place - 13;
  }
  const short = (text) => (text.length > 17 ? text.slice(0, 16) + "\u2026" : text);
  return sorted.map((end) => {
    const text = words(box.right + 7, end.place, short(nameOf(end.scope)));
    text.style.fill = colour(end.scope);
    return text;
  });
}

// A plot: it draws itself for the width it has, has a cursor for pointer and keys, and a table behind it.
// `draw(width)` gives { height, parts, stops, box, say }: where the cursor can stand, and what it says there.
const plots = [];
function plot({ id, title, note, key, draw, behind }, side) {
  const holder = h("div", {
    class: "plot", id, tabindex: 0, role: "application", "aria-roledescription": "plot",
    "aria-label": title + ". " + note + " Arrow keys move along it.",
  });
  const readout = h("div", { class: "readout", "aria-live": "polite" });
  const keyLine = h("div", { class: "key" });
  side.append(keyLine);
  const body = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "data of: " + title });
  const details = h("details", { class: "behind" }, h("summary", null, "data behind this plot"), body);
  let now = null;
  let at = null;
  let cursor = null;
  const hint = () => readout.replaceChildren(h("span", { class: "soft" }, "To read values: point at the plot, or focus it and use the arrow keys."));
  const point = (to) => {
    if (!now || !now.stops.length) return;
    at = Math.max(0, Math.min(now.stops.length - 1, to));
    const x = round(now.stops[at]);
    if (!cursor) {
      cursor = line(x, now.box.top, x, now.box.bottom, "cursor");
      now.svg.append(cursor);
    }
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    readout.replaceChildren(...now.say(at).flat(Infinity));
  };
  const leave = () => {
    if (cursor) cursor.remove();
    [cursor, at] = [null, null];
    hint();
  };
  holder.addEventListener("pointermove", (event) => {
    if (!now) return;
    const frame = now.svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * now.width;
    let [low, high] = [0, now.stops.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (now.stops[middle] <= x) low = middle;
      else high = middle;
    }
    point(Math.abs(now.stops[high] - x) < Math.abs(now.stops[low] - x) ? high : low);
  });
  holder.addEventListener("pointerleave", () => document.activeElement !== holder && leave());
  holder.addEventListener("focus", () => holder.matches(":focus-visible") && at === null && point(0));
  holder.addEventListener("blur", leave);
  holder.addEventListener("keydown", (event) => {
    if (!now) return;
    const far = Math.max(1, Math.round(now.stops.length / 12));
    const moves = { ArrowRight: 1, ArrowLeft: -1, PageUp: far, PageDown: -far, Home: -1e9, End: 1e9 };
    if (event.key === "Escape") leave();
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    point((at === null ? (moves[event.key] > 0 ? -1 : now.stops.length) : at) + moves[event.key]);
  });
  const fillBehind = () => details.open && body.replaceChildren(behind());
  details.addEventListener("toggle", fillBehind);
  const render = () => {
    const width = Math.max(280, Math.floor(holder.clientWidth || 900));
    cursor = null;
    now = draw(width);
    keyLine.replaceChildren(...(key ? key() : []).flat(Infinity));
    if (!now) {
      holder.replaceChildren(h("p", { class: "none" }, "Nothing to draw: no measured answer has this time."));
      readout.replaceChildren();
      return;
    }
    now.width = width;
    now.svg = s("svg", { viewBox: "0 0 " + width + " " + now.height, "aria-hidden": "true" }, now.parts);
    holder.replaceChildren(now.svg);
    if (at === null) hint();
    else point(at);
    fillBehind();
  };
  let seen = 0;
  new ResizeObserver(() => {
    if (Math.abs(holder.clientWidth - seen) < 2) return;
    seen = holder.clientWidth;
    render();
  }).observe(holder);
  plots.push(render);
  return h("figure", null, h("figcaption", { class: "seen" }, title), holder, readout, details);
}
const redraw = () => plots.forEach((render) => render());
