
// What is drawn now: one choice for all plots.
const FIGURES = DATA.figures;
const METRICS = Object.keys(SHORT).filter((metric) => Object.keys(FIGURES.metrics[metric] || {}).length);
const state = {
  metric: METRICS[0] || "e2e",
  scale: "log",
  shown: new Set(ARMS.length > 1 ? ARMS : SERIES),
};
const shown = (metric) => SERIES.filter((scope) => state.shown.has(scope) && (FIGURES.metrics[metric] || {})[scope]);
const times = (metric, scope) => FIGURES.metrics[metric][scope];
const summaryOf = (scope, metric) => {
  const found = DATA.summary.scopes.find((one) => one.scope === scope);
  return found && found.metrics.find((one) => one.metric === metric);
};
const SHARE = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, "p99.9": 0.999 };
const said = (scope, ...what) => h("span", null, swatch(scope), h("b", null, nameOf(scope)), " ", ...what);
const key = (kind, text, options = {}) => {
  const mark = s("line", { x1: 0, x2: 20, y1: 5, y2: 5, class: "line " + kind, "stroke-dasharray": options.dash });
  mark.style.stroke = "var(--soft)";
  return h("span", null, s("svg", { class: "sw", viewBox: "0 0 20 10", "aria-hidden": "true" }, mark), text);
};
const labelRoom = (width) => (width > 640 && state.shown.size > 1 ? 122 : 12);

// Quantiles, with an axis that is logarithmic in 1 - q: each step to the right is a tenth of the requests.
const tail = (q) => -Math.log10(1 - q);
function quantilePlot() {
  const draw = (width) => {
    const scopes = shown(state.metric);
    if (!scopes.length) return null;
    const box = { left: 58, right: width - labelRoom(width), top: 22, bottom: 318 };
    const curves = scopes.map((scope) => times(state.metric, scope));
    const end = Math.max(0.8, ...curves.map((curve) => Math.log10(curve.n)));
    const x = scaleLinear(0, end, box.left, box.right);
    const y = scaleTimes(curves.flatMap((curve) => [curve.curve[0][0], curve.curve[curve.curve.length - 1][0]]), state.scale, box.bottom, box.top);
    const parts = [...leftAxis(y, box, tick, "ms")];
    const marks = [0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
    let lastMark = -Infinity;
    for (const q of marks.filter((q) => tail(q) <= end * 1.0001)) {
      const at = round(x(tail(q)));
      parts.push(line(at, box.top, at, box.bottom, "gridline"));
      if (at - lastMark > 34) {
        parts.push(words(at, box.bottom + 15, Number((q * 100).toPrecision(8)) + " %", "middle"));
        lastMark = at;
      }
    }
    parts.push(line(box.left, box.bottom, box.right, box.bottom, "axis"));
    parts.push(words(box.right, box.bottom + 30, "quantile; the scale is logarithmic in 1 - q", "end"));
    const ends = [];
    scopes.forEach((scope, place) => {
      const curve = times(state.metric, scope);
      const points = curve.curve.map(([value, rank]) => [x(-Math.log10(Math.max(1, curve.n - rank) / curve.n)), y(value)]);
      // From here on the sample is smaller than a quantile needs.
      const carried = x(-Math.log10(1 - 0.05 ** (1 / curve.n)));
      const split = points.findIndex((point) => point[0] > carried);
      const sure = split < 0 ? points : points.slice(0, split);
      const doubt = split < 0 ? [] : points.slice(Math.max(0, split - 1));
      parts.push(drawn(scope, path(sure), "line"), drawn(scope, path(doubt), "line doubt", { dash: null }));
      ends.push({ scope, y: points[points.length - 1][1] });
      const dodge = (place - (scopes.length - 1) / 2) * 4;
      for (const found of (summaryOf(scope, state.metric) || { quantiles: [] }).quantiles) {
        if (found.value_ms === null) continue;
        const at = x(tail(SHARE[found.stat])) + dodge;
        const whisker = line(round(at), round(y(found.ci_low_ms)), round(at), round(y(found.ci_high_ms)), "whisker");
        const dot = s("circle", { cx: round(at), cy: round(y(found.value_ms)), r: 3.4, class: "dot" });
        whisker.style.stroke = colour(scope);
        dot.style.fill = colour(scope);
        parts.push(whisker, dot);
      }
    });
    if (labelRoom(width) > 50) parts.push(...endLabels(ends, box));
    const stops = [];
    for (let k = 0; k <= 120; k++) stops.push((end * k) / 120);
    const at = (curve, u) => {
      const rank = Math.max(1, Math.ceil(curve.n * (1 - 10 ** -u) - 1e-9));
      return (curve.curve.find((point) => point[1] >= rank) || curve.curve[curve.curve.length - 1])[0];
    };
    const say = (k) => {
      const share = (1 - 10 ** -stops[k]) * 100;
      const q = stops[k] === 0 ? "shortest" : share.toFixed(Math.max(1, Math.ceil(stops[k]) - 1)) + " % take at most";
      return [h("b", null, q), ...scopes.map((scope) => said(scope, near(at(times(state.metric, scope), stops[k])), " ms"))];
    };
    return { height: 354, parts, box, stops: stops.map(x), say };
  };
  const behind = () => {
    const rows = shown(state.metric).flatMap((scope) => {
      const curve = times(state.metric, scope);
      return curve.curve.map(([value, rank]) => [nameOf(scope), ((rank / curve.n) * 100).toFixed(4) + " %", count(rank), ms(value)]);
    });
    return table(["scope", "#share", "#requests or gaps", "#at most, ms"], rows);
  };
  const keys = () => [
    key("", "quantile curve"), key("doubt", "beyond what the sample carries", { dash: "2 3" }),
    h("span", null, "\u25cf with bar: p50, p90, p95, p99, p99.9 of the summary with their 95 % interval"),
  ];
  return plotSection("quantiles", "Quantiles", "How long each share of the requests took at most. Each nine further to the right leaves out nine of ten of the slow ones that are left.", { key: keys, draw, behind });
}

// A plot with its title and its key beside it.
function plotSection(id, title, note, parts) {
  const made = section(id, title, note);
  const [side, main] = made.children;
  main.append(plot({ id: "plot-" + id, title, note, ...parts }, side));
  return made;
}

// The time axis that the plots of the course share.
function timeAxis(width, left) {
  const { length_s, columns, seconds: all } = FIGURES.axis;
  const right = width - labelRoom(width);
  const x = scaleLinear(0, Math.max(all, 1), left, right);
  const wanted = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400];
  const step = wanted.find((n) => (x(n) - x(0)) >= 58) || 86400;
  const ticks = [];
  for (let t = 0; t <= all; t += step) ticks.push(t);
  const middle = (column) => x(Math.min(all, (column + 0.5) * length_s));
  return { x, ticks, left, right, columns, length: length_s, all, middle };
}
const phases = () => DATA.info.phases.filter((phase) => phase.started_ms !== null).map((phase) => ({
  name: phase.name, warmup: phase.warmup, from: phase.started_ms / 1000,
  to: phase.ended_ms === null ? FIGURES.axis.seconds : phase.ended_ms / 1000,
}));
function phaseBands(axis, top, bottom, withNames) {
  const parts = [];
  let measured = 0;
  phases().forEach((phase) => {
    const [from, to] = [axis.x(Math.min(phase.from, axis.all)), axis.x(Math.min(phase.to, axis.all))];
    if (phase.warmup || measured++ % 2 === 1) {
      parts.push(s("rect", { x: round(from), y: top, width: round(Math.max(0, to - from)), height: bottom - top, class: "band" + (phase.warmup ? " warmup" : "") }));
    }
    const room = Math.floor((to - from - 6) / 6);
    const text = phase.name + (phase.warmup && phase.name !== "warm-up" ? " (warm-up)" : "");
    // A stump of a name says nothing.
    if (withNames && room >= Math.min(6, text.length)) {
      parts.push(words(from + 4, top + 11, text.length > room ? text.slice(0, room - 1) + "\u2026" : text, "start", "halo"));
    }
  });
  return parts;
}
function timeTicks(axis, box) {
  return axis.ticks.flatMap((t) => [
    line(round(axis.x(t)), box.bottom, round(axis.x(t)), box.bottom + 4, "axis"),
    words(round(axis.x(t)), box.bottom + 16, seconds(t), "middle"),
  ]);
}
// The span of a column in words.
const span = (column) => {
  const { length_s, seconds: all } = FIGURES.axis;
  const [from, to] = [column * length_s, Math.min(all, (column + 1) * length_s)];
  return to - from === 1 ? "second " + from : seconds(from) + " to " + seconds(to);
};
const lengthOf = (column) => Math.min(FIGURES.axis.length_s, FIGURES.axis.seconds - column * FIGURES.axis.length_s);

// The load of each arm; the colours are those of its scope.
const LOADS = Object.keys(FIGURES.load);
const loadScope = (arm) => (LOADS.length > 1 ? "arm:" + arm : "total");
const loads = () => LOADS.filter((arm) => LOADS.length === 1 || !ARMS.length || state.shown.has("arm:" + arm) || state.shown.has("total"));

function coursePlot() {
  const draw = (width) => {
    const scopes = shown(state.metric);
    const axis = timeAxis(width, 58);
    if (!axis.columns) return null;
    const panel = (top, height) => ({ left: axis.left, right: axis.right, top, bottom: top + height });
    const boxes = [panel(22, 190), panel(250, 62), panel(350, 62), panel(450, 46)];
    const values = scopes.flatMap((scope) => [...times(state.metric, scope).p50, ...times(state.metric, scope).p95]);
    const parts = boxes.flatMap((box, at) => phaseBands(axis, box.top, box.bottom, at === 0));
    const y = scaleTimes(values, state.scale, boxes[0].bottom, boxes[0].top + 14);
    parts.push(...leftAxis(y, boxes[0], tick, SHORT[state.metric] + ", ms"));
    const ends = [];
    for (const scope of scopes) {
      const of = times(state.metric, scope);
      const points = (list) => list.map((value, at) => (value === null ? null : [axis.middle(at), y(value)]));
      const [low, high] = [points(of.p50), points(of.p95)];
      if (scopes.length <= 2) parts.push(...bandBetween(scope, low, high));
      parts.push(drawn(scope, path(low), "line"), drawn(scope, path(high), "line thin", { dash: "3 2.5" }));
      const last = low.filter((point) => point !== null).pop();
      ends.push({ scope, y: last ? last[1] : null });
    }
    if (labelRoom(width) > 50) parts.push(...endLabels(ends, boxes[0]));
    const panels = [["ended", "requests ended /s", (n, at) => n / lengthOf(at)], ["in_flight", "in flight", (n) => n], ["failed", "failed /s", (n, at) => n / lengthOf(at)]];
    panels.forEach(([name, title, each], place) => {
      const box = boxes[place + 1];
      // What is in flight is of all arms together.
      const of = name === "in_flight" ? LOADS.slice(0, 1) : loads();
      const lists = of.map((arm) => [arm, FIGURES.load[arm][name].map(each)]);
      const top = Math.max(name === "failed" ? 0 : 1e-9, ...lists.flatMap(([, list]) => list));
      if (name === "failed" && top === 0) {
        parts.push(words(0, box.top - 7, title), words(box.left + 6, box.bottom - 6, "none"), line(box.left, box.bottom, box.right, box.bottom, "axis"));
        return;
      }
      const scale = scaleLinear(0, top * 1.06, box.bottom, box.top);
      parts.push(...leftAxis(scale, box, tick, title));
      for (const [arm, list] of lists) {
        if (name === "failed" && lists.length === 1) {
          const bars = list.map((n, at) => (n ? "M" + round(axis.x(at * axis.length)) + " " + box.bottom + "V" + round(scale(n)) + "H" + round(Math.max(axis.x(at * axis.length) + 1.5, axis.x((at + lengthOf(at) / axis.length) * axis.length) - 0.5)) + "V" + box.bottom + "Z" : "")).join("");
          parts.push(s("path", { d: bars, class: "failed" }));
        } else {
          const d = "M" + list.map((n, at) => round(axis.x(at * axis.length)) + " " + round(scale(n)) + "H" + round(axis.x(Math.min(axis.all, (at + 1) * axis.length)))).join("L");
          if (lists.length === 1) parts.push(drawn("total", d + "V" + box.bottom + "H" + axis.left + "Z", "fill", { fill: true }));
          parts.push(drawn(name === "in_flight" ? "total" : loadScope(arm), d, "line thin"));
        }
      }
      parts.push(line(box.left, box.bottom, box.right, box.bottom, "axis"));
    });
    const bottom = boxes[3];
    parts.push(line(boxes[0].left, boxes[0].bottom, boxes[0].right, boxes[0].bottom, "axis"), ...timeTicks(axis, bottom));
    const stops = Array.from({ length: axis.columns }, (_, at) => axis.middle(at));
    const say = (at) => [
      h("b", null, span(at)),
      ...scopes.map((scope) => {
        const of = times(state.metric, scope);
        const value = (list) => (list[at] === null || list[at] === undefined ? "n/a" : near(list[at]) + " ms");
        return said(scope, "p50 ", value(of.p50), ", p95 ", value(of.p95));
      }),
      ...loads().map((arm) => {
        const of = FIGURES.load[arm];
        const text = fixed(of.ended[at] / lengthOf(at), 1) + "/s ended, " + of.failed[at] + " failed";
        return LOADS.length > 1 ? said(loadScope(arm), text) : h("span", null, text);
      }),
      h("span", null, FIGURES.load[LOADS[0]].in_flight[at] + " in flight"),
    ];
    return { height: bottom.bottom + 22, parts, stops, say, box: { top: boxes[0].top, bottom: bottom.bottom } };
  };
  const behind = () => {
    const scopes = shown(state.metric);
    const head = ["time", ...scopes.flatMap((scope) => ["#" + nameOf(scope) + " p50, ms", "#" + nameOf(scope) + " p95, ms"]),
      ...loads().flatMap((arm) => ["#ended", "#failed", "#in flight"].map((name) => (LOADS.length > 1 ? name + " " + arm : name)))];
    const cell = (value) => (value === null || value === undefined ? "" : ms(value));
    const rows = Array.from({ length: FIGURES.axis.columns }, (_, at) => [span(at),
      ...scopes.flatMap((scope) => [cell(times(state.metric, scope).p50[at]), cell(times(state.metric, scope).p95[at])]),
      ...loads().flatMap((arm) => ["ended", "failed", "in_flight"].map((name) => count(FIGURES.load[arm][name][at])))]);
    return table(head, rows);
  };
  const { length_s } = FIGURES.axis;
  const note = "By when requests ended, in steps of " + (length_s === 1 ? "a second" : seconds(length_s)) + ". Warm-up is in the rates below, and not in the times.";
  const keys = () => [key("", "p50"), key("thin", "p95, where a column has the 59 values that it needs", { dash: "3 2.5" }), h("span", null, "shaded: warm-up; each second phase, lighter")];
  return plotSection("course", "Over time", note, { key: keys, draw, behind });
}
// What lies between two lines, where both are.
function bandBetween(scope, low, high) {
  const runs = [];
  let open = null;
  low.forEach((point, at) => {
    const other = high[at];
    if (point === null || !other) open = null;
    else if (open) open.push([point, other]);
    else runs.push((open = [[point, other]]));
  });
  return runs.filter((run) => run.length > 1).map((run) => {
    const d = path(run.map((pair) => pair[0])) + path(run.map((pair) => pair[1]).reverse()).replace("M", "L") + "Z";
    return drawn(scope, d, "fill", { fill: true });
  });
}

// Where the requests of each column fall: darker is more.
const LEVELS = 8;
const stepLow = (step, steps) => 10 ** (step / steps) / 1000;
function heatPlot() {
  const draw = (width) => {
    const scopes = shown(state.metric).slice(0, 6);
    const axis = timeAxis(width, 58);
    if (!scopes.length || !axis.columns) return null;
    const steps = FIGURES.heat_steps;
    const heats = scopes.map((scope) => times(state.metric, scope).heat);
    let [low, high, most] = [Infinity, -Infinity, 1];
    for (const column of heats.flat()) {
      if (!column.length) continue;
      low = Math.min(low, column[0]);
      high = Math.max(high, column[0] + column.length - 1);
      for (let k = 1; k < column.length; k++) most = Math.max(most, column[k]);
    }
    const height = scopes.length === 1 ? 230 : 120;
    const parts = [];
    scopes.forEach((scope, place) => {
      const top = 22 + place * (height + 26);
      const box = { left: axis.left, right: axis.right, top, bottom: top + height };
      const y = scaleLog(stepLow(low, steps), stepLow(high, steps), box.bottom, box.top);
      parts.push(...phaseBands(axis, box.top, box.bottom, false), ...leftAxis(y, box, tick, SHORT[state.metric] + ", ms"));
      if (scopes.length > 1) {
        const label = words(axis.left + 4, top - 7, nameOf(scope));
        label.style.fill = colour(scope);
        parts.push(label);
      }
      const levels = Array.from({ length: LEVELS }, () => "");
      times(state.metric, scope).heat.forEach((column, at) => {
        const [x0, x1] = [axis.x(at * axis.length), axis.x(Math.min(axis.all, (at + 1) * axis.length))];
        for (let k = 1; k < column.length; k++) {
          if (!column[k]) continue;
          const step = column[0] + k - 1;
          const level = Math.min(LEVELS - 1, Math.floor((Math.log(column[k]) / Math.log(most + 1)) * LEVELS));
          levels[level] += "M" + round(x0) + " " + round(y(stepLow(step, steps))) + "H" + round(Math.max(x1, x0 + 1)) + "V" + round(y(stepLow(step + 1, steps))) + "H" + round(x0) + "Z";
        }
      });
      levels.forEach((d, level) => {
        if (d) parts.push(s("path", { d, class: "cell", "fill-opacity": (0.1 + (0.9 * level) / (LEVELS - 1)).toFixed(2) }));
      });
      parts.push(line(box.left, box.bottom, box.right, box.bottom, "axis"));
    });
    const bottom = 22 + scopes.length * (height + 26) - 26;
    parts.push(...timeTicks(axis, { bottom }));
    const stops = Array.from({ length: axis.columns }, (_, at) => axis.middle(at));
    const say = (at) => [h("b", null, span(at)), ...scopes.map((scope) => {
      const column = times(state.metric, scope).heat[at] || [];
      if (!column.length) return said(scope, "none");
      const all = column.slice(1).reduce((sum, n) => sum + n, 0);
      const peak = column.indexOf(Math.max(...column.slice(1)), 1) - 1 + column[0];
      return said(scope, count(all) + ", from " + near(stepLow(column[0], steps)) + " to " + near(stepLow(column[0] + column.length - 1, steps)) + " ms, most between " + near(stepLow(peak, steps)) + " and " + near(stepLow(peak + 1, steps)) + " ms");
    })];
    heatPlot.most = most;
    return { height: bottom + 22, parts, stops, say, box: { top: 22, bottom } };
  };
  const behind = () => {
    const rows = [];
    for (const scope of shown(state.metric).slice(0, 6)) {
      times(state.metric, scope).heat.forEach((column, at) => {
        for (let k = 1; k < column.length; k++) {
          const step = column[0] + k - 1;
          if (column[k]) rows.push([nameOf(scope), span(at), ms(stepLow(step, FIGURES.heat_steps)), ms(stepLow(step + 1, FIGURES.heat_steps)), count(column[k])]);
        }
      });
    }
    return table(["scope", "time", "#from, ms", "#below, ms", "#count"], rows);
  };
  const keys = () => {
    const ramp = Array.from({ length: LEVELS }, (_, level) => s("rect", { x: level * 12, y: 0, width: 12, height: 10, class: "cell", "fill-opacity": (0.1 + (0.9 * level) / (LEVELS - 1)).toFixed(2) }));
    const strip = s("svg", { width: LEVELS * 12, height: 10, "aria-hidden": "true" }, ramp);
    return [h("span", { class: "ramp" }, "1", strip, count(heatPlot.most || 1)), h("span", null, "requests in a cell, on a logarithmic scale")];
  };
  return plotSection("heat", "Spread over time", "How many of the requests that ended in each step of time took how long. Two bands are two kinds of answer.", { key: keys, draw, behind });
}

// How often each length of gap came. Gaps of nearly nothing (chunks of one read) have a column of their own.
const NOTHING_MS = 0.01;
function gapPlot() {
  const metric = "chunk_gap";
  const steps = FIGURES.steps;
  const nothing = Math.round(Math.log10(NOTHING_MS * 1000) * steps);
  // The count of a step, and of all steps that are nearly nothing.
  const countAt = (of, step) => of.steps[step - of.steps[0] + 1] || 0;
  const nearlyNone = (of) => of.steps.slice(1, Math.max(1, nothing - of.steps[0] + 1)).reduce((sum, n) => sum + n, 0);
  const draw = (width) => {
    const scopes = shown(metric);
    if (!scopes.length) return null;
    const all = scopes.map((scope) => times(metric, scope));
    const box = { left: 58, right: width - labelRoom(width), top: 22, bottom: 232 };
    const isolated = all.some((of) => nearlyNone(of) > 0);
    const left = box.left + (isolated ? 44 : 0);
    let first = Infinity;
    let last = nothing + 1;
    for (const of of all) {
      const at = of.steps.findIndex((n, place) => place > 0 && n > 0 && of.steps[0] + place - 1 >= nothing);
      if (at > 0) first = Math.min(first, of.steps[0] + at - 1);
      last = Math.max(last, of.steps[0] + of.steps.length - 1);
    }
    first = Math.min(first, last - 1);
    const x = scaleLog(stepLow(first, steps), stepLow(last, steps), left, box.right);
    const share = (n, of) => (n / of.n) * 100;
    const tops = all.map((of) => Math.max(share(nearlyNone(of), of), ...of.steps.slice(1).map((n, at) => (of.steps[0] + at >= nothing ? share(n, of) : 0))));
    const floor = Math.min(...all.map((of) => 100 / of.n)) / 1.6;
    const y = scaleLog(floor, Math.max(Math.max(...tops) * 1.3, floor * 10), box.bottom, box.top);
    const parts = [...leftAxis(y, box, (value) => tick(value) + " %", "share of gaps")];
    let lastTick = -Infinity;
    for (const value of x.ticks) {
      const at = round(x(value));
      parts.push(line(at, box.top, at, box.bottom, "gridline"));
      if (at - lastTick < 30) continue;
      parts.push(words(at, box.bottom + 15, tick(value), "middle"));
      lastTick = at;
    }
    for (const scope of scopes) {
      const of = times(metric, scope);
      const to = (n) => (n > 0 ? round(y(share(n, of))) : box.bottom);
      let d = isolated ? "M" + (box.left + 4) + " " + box.bottom + "V" + to(nearlyNone(of)) + "H" + (box.left + 30) + "V" + box.bottom : "";
      d += "M" + round(left) + " " + box.bottom;
      for (let step = first; step < last; step++) d += "V" + to(countAt(of, step)) + "H" + round(x(stepLow(step + 1, steps)));
      d += "V" + box.bottom;
      if (scopes.length <= 2) parts.push(drawn(scope, d, "fill", { fill: true }));
      parts.push(drawn(scope, d, "line thin"));
    }
    if (isolated) parts.push(words(box.left + 17, box.bottom + 15, "\u2248 0", "middle"));
    parts.push(line(box.left, box.bottom, box.right, box.bottom, "axis"), words(box.right, box.bottom + 30, "gap, ms", "end"));
    const places = [...(isolated ? [null] : []), ...Array.from({ length: last - first }, (_, at) => first + at)];
    const say = (at) => {
      const step = places[at];
      const what = step === null ? "below " + NOTHING_MS + " ms" : near(stepLow(step, steps)) + " to " + near(stepLow(step + 1, steps)) + " ms";
      return [h("b", null, what), ...scopes.map((scope) => {
        const of = times(metric, scope);
        const n = step === null ? nearlyNone(of) : countAt(of, step);
        return said(scope, count(n) + (n ? ", " + Number(share(n, of).toPrecision(3)) + " %" : ""));
      })];
    };
    return { height: 268, parts, box, stops: places.map((step) => (step === null ? box.left + 17 : x(stepLow(step + 0.5, steps)))), say };
  };
  const behind = () => {
    const rows = shown(metric).flatMap((scope) => {
      const of = times(metric, scope);
      return of.steps.slice(1).map((n, at) => [nameOf(scope), ms(stepLow(of.steps[0] + at, steps)), ms(stepLow(of.steps[0] + at + 1, steps)), count(n)]).filter((row) => row[3] !== "0");
    });
    return table(["scope", "#from, ms", "#below, ms", "#gaps"], rows);
  };
  return plotSection("gaps", "Gaps between chunks", "Both scales are logarithmic, so that rare stalls show. A gateway that buffers has gaps of nearly nothing, and a few long ones.", { draw, behind });
}
