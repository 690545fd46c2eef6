
// The sections of the page.
const MARKS = { valid: ["ok", "\u2713"], warn: ["warn", "!"], invalid: ["bad", "\u2717"], pass: ["ok", "\u2713"], inconclusive: ["warn", "?"], fail: ["bad", "\u2717"] };
const WORDS = { valid: "VALID", warn: "VALID, WITH CARE", invalid: "INVALID", pass: "PASS", inconclusive: "INCONCLUSIVE", fail: "FAIL" };
const word = (level, text) => h("span", { class: "word " + MARKS[level][0] }, MARKS[level][1] + " " + (text || WORDS[level]));
function section(id, title, note, ...main) {
  const side = h("div", { class: "side" }, h("h2", { id: id + "-title" }, title), note ? h("p", null, note) : null);
  return h("section", { id, "aria-labelledby": id + "-title" }, side, h("div", { class: "main" }, ...main));
}
const scopeOf = (scope) => DATA.summary.scopes.find((one) => one.scope === scope);
const TOTAL = scopeOf("total") || DATA.summary.scopes[0];

function head() {
  const facts = DATA.facts.map(([what, said]) => h("div", null, h("dt", null, what), h("dd", null, said)));
  const button = h("button", { type: "button", class: "pick theme", onclick: () => theme(nextTheme()) });
  return h("header", null,
    h("div", { class: "top" }, h("span", { class: "mark" }, "tollgate"), h("span", { class: "soft" }, "report of a run"), button),
    h("h1", null, DATA.title),
    h("p", { class: "url soft mono" }, (DATA.info.arms || []).length ? DATA.info.arms.length + " arms" : DATA.info.target.kind === "lab" ? "the embedded lab" : DATA.target),
    DATA.ended ? h("p", { class: "loud warn" }, "This run is not whole: " + DATA.ended + ".") : null,
    DATA.insecure ? h("p", { class: "loud warn" }, "TLS was not verified (insecure): whoever answered was trusted.") : null,
    DATA.notes.map((note) => h("p", { class: "loud warn" }, note)),
    h("dl", { class: "facts" }, facts));
}

// The verdicts, and each check of the run's validity.
function verdicts() {
  const block = (level, what, sub, text) => h("div", { class: "verdict " + MARKS[level][0] }, h("small", null, what), h("b", null, MARKS[level][1] + " " + (text || WORDS[level])), h("span", null, sub));
  const { validity, gate, comparison: compared } = DATA;
  const against = validity.checks.filter((check) => check.level !== "valid");
  const invalid = against.filter((check) => check.level === "invalid").map((check) => check.name).join(", ");
  const subs = {
    valid: "Nothing that was checked speaks against the figures.",
    warn: "Read the figures with care: " + against.map((check) => check.name).join(", ") + ".",
    invalid: DATA.wrong[0].toUpperCase() + DATA.wrong.slice(1) + ": " + invalid + ".",
  };
  const blocks = [block(validity.verdict, "validity", subs[validity.verdict])];
  if (gate) {
    const worst = gate.findings.filter((finding) => finding.verdict === gate.verdict && !finding.advisory).map((finding) => finding.threshold);
    const some = worst.length > 3 ? [...worst.slice(0, 3), "and " + (worst.length - 3) + " more"] : worst;
    const all = gate.verdict === "pass" ? "Each of " + gate.findings.length + " thresholds holds." : some.join("; ");
    // Here only what kind of reason it is: the whole of it stands below.
    const reasons = [...new Set(gate.reasons.map((reason) => reason.split(":")[0] + "."))];
    const sub = [...reasons, all].filter(Boolean).join(" ");
    blocks.push(block(gate.verdict, "gate", sub));
  }
  if (compared) blocks.push(block(compared.verdict, "comparison", "against " + compared.baseline + ", margin " + percent(compared.margin)));
  const rows = validity.checks.map((check) => [check.name, word(check.level), check.value, h("td", { class: "wrap" }, check.limit, check.remedy ? h("small", null, check.remedy) : null)]);
  return section("verdict", "Verdict", "A run is invalid when the client, not the server, made the numbers.",
    h("div", { class: "verdicts" }, blocks), table(["check", "came out", "found", "wanted"], rows, { class: "checks", caption: "checks of validity" }));
}

// The figures that are asked for first.
const quantileOf = (scope, metric, stat) => {
  const found = summaryOf(scope, metric);
  const quantile = found && found.quantiles.find((one) => one.stat === stat);
  if (!quantile) return null;
  if (quantile.value_ms === null) return { none: "needs " + count(quantile.needs) + ", has " + count(found.n), n: found.n };
  return { value: near(quantile.value_ms), unit: "ms", under: "[" + near(quantile.ci_low_ms) + " \u2013 " + near(quantile.ci_high_ms) + "]", n: found.n };
};
function tiles() {
  const timed = (metric, stats) => (LEAD.some((scope) => summaryOf(scope, metric)) ? stats.map((stat) => [metric, stat, (scope) => quantileOf(scope, metric, stat)]) : []);
  const totals = (metric, of) => [metric, "", (scope) => of(scopeOf(scope))];
  const money = (value) => (value === null || value === undefined ? { none: "unknown" } : { value: usd(value), unit: "" });
  const all = [
    ...timed("ttft", ["p50", "p95", "p99"]), ...timed("e2e", ["p50", "p95", "p99"]), ...timed("tpot", ["p50"]), ...timed("chunk_gap", ["p99"]),
    totals("error_rate", ({ totals: of, count: n }) => ({ value: percent(of.error_rate), unit: "", under: count(n.failed) + " of " + count(n.requests) + " failed" })),
    totals("goodput", ({ totals: of }) => ({ value: fixed(of.goodput_per_s, 2), unit: "/s", under: "of " + fixed(of.throughput_per_s, 2) + "/s ok" })),
    totals("output_tokens_rate", ({ totals: of }) => ({ value: fixed(of.output_tokens_per_s, 1), unit: "/s", under: count(of.output_tokens) + " in all" + (of.estimated_tokens ? ", estimated in part" : "") })),
    totals("cost_per_request", ({ totals: of }) => ({ ...money(of.cost.per_request_usd), under: DATA.info.prices_as_of ? usd(of.cost.usd) + " in all" + (of.cost.unknown ? ", unknown for " + count(of.cost.unknown) : "") : "no price table" })),
  ];
  const many = LEAD.length > 1;
  const tile = ([metric, stat, of]) => {
    const title = h("h3", null, stat + (stat ? " " : ""), term(metric, SHORT[metric] || labelOf(metric)));
    const shownValue = (found) => (!found ? h("span", { class: "soft" }, "n/a") : found.none ? h("span", { class: "soft" }, found.none) : [h("b", null, found.value), " ", h("span", { class: "unit" }, found.unit)]);
    if (many) {
      const rows = LEAD.map((scope) => {
        const found = of(scope);
        return h("tr", null, h("td", { title: nameOf(scope) }, named(scope)), h("td", { class: "num" }, shownValue(found)), h("td", { class: "num soft" }, (found && found.under) || ""));
      });
      return h("div", { class: "tile" }, title, h("table", null, h("tbody", null, rows)));
    }
    const found = of(LEAD[0]) || { none: "n/a" };
    const value = found.none ? h("p", { class: "value none" }, found.none) : h("p", { class: "value" }, found.value, " ", h("span", { class: "unit" }, found.unit));
    const of_n = found.n === undefined || found.none ? null : h("span", null, "n " + count(found.n));
    return h("div", { class: "tile", "data-metric": metric, "data-stat": stat || null }, title, value, h("p", { class: "under" }, h("span", null, found.under || ""), of_n));
  };
  const { requests, ok, failed } = TOTAL.count;
  const warm = DATA.summary.warmup.requests;
  const note = count(requests) + " measured in " + fixed(DATA.summary.window_s, 1) + " s: " + count(ok) + " ok, " + count(failed) + " failed."
    + (warm ? " " + count(warm) + " of the warm-up are kept apart." : "") + " In brackets: the 95 % interval.";
  const none = [];
  if (!ok) none.push(h("p", { class: "loud bad" }, requests ? "No request was answered: there are no times." : "No request was measured: there are no figures."));
  else if (!SCOPES.some((scope) => summaryOf(scope, "ttft"))) none.push(h("p", { class: "soft" }, "No answer was streamed: there is no time to first token."));
  return section("headline", "Headline", note, none, h("div", { class: "tiles" + (many ? " many" : "") }, all.map(tile)));
}

const inUnit = (value, unit) => {
  if (value === null || value === undefined) return "n/a";
  const forms = { ms: () => ms(value) + " ms", share: () => percent(value), per_s: () => fixed(value, 2) + "/s", usd: () => usd(value), count: () => count(value) };
  return (forms[unit] || (() => String(value)))();
};
function gateSection() {
  const { gate } = DATA;
  if (!gate) return null;
  const rows = gate.findings.map((finding) => {
    const range = finding.ci_low === null || finding.ci_high === null ? null : h("small", null, "[" + inUnit(finding.ci_low, finding.unit) + " \u2013 " + inUnit(finding.ci_high, finding.unit) + "]");
    const marks = [finding.advisory ? "advisory" : "", finding.aborted ? "ended the run" : "", finding.line ? "line " + finding.line : ""].filter(Boolean).join(", ");
    return [h("td", null, word(finding.verdict)), h("td", { class: "wrap" }, h("span", { class: "mono" }, finding.threshold), marks ? h("small", null, marks) : null),
      h("span", { class: "name" }, finding.scope), h("td", { class: "num" }, finding.infinite ? "infinite" : inUnit(finding.value, finding.unit), range),
      h("td", { class: "num" }, finding.relation + " " + inUnit(finding.limit, finding.unit), finding.baseline === undefined || finding.baseline === null ? null : h("small", null, "baseline " + inUnit(finding.baseline, finding.unit))),
      h("td", { class: "num" }, count(finding.n), finding.needs > finding.n ? h("small", null, "needs " + count(finding.needs)) : null), h("td", { class: "wrap" }, finding.why)];
  });
  const differences = (gate.differences || []).map((one) => [one.field, one.baseline, one.run]);
  return section("gate", "Gate", gate.baseline ? "Against the run of " + gate.baseline.started_utc + " (plan " + gate.baseline.digest + ")." : "Each threshold of the scenario. Without data none is passed.",
    gate.reasons.map((reason) => h("p", null, reason)),
    rows.length ? table(["verdict", "threshold", "scope", "#value", "#limit", "#n", "why"], rows, { rows: false, wide: true, caption: "thresholds" }) : h("p", { class: "none" }, "There are no thresholds."),
    differences.length ? [h("h3", null, "The two runs differ"), table(["field", "baseline", "run"], differences, { caption: "differences" })] : null);
}

// A ratio with its interval on a logarithmic line; the margin is where the verdict turns.
function forest(row, margin, reach) {
  const x = (ratio) => 50 + (Math.log(Math.min(reach, Math.max(1 / reach, ratio))) / Math.log(reach)) * 48;
  const at = (ratio) => x(ratio) + "%";
  const turn = row.higher_is_better ? 1 / (1 + margin) : 1 + margin;
  const parts = [s("line", { x1: "2%", x2: "98%", y1: 11, y2: 11 }), s("line", { x1: at(1), x2: at(1), y1: 3, y2: 19 }), s("line", { x1: at(turn), x2: at(turn), y1: 1, y2: 21, class: "margin" })];
  const [ratio, low, high] = row.change;
  if (ratio !== null && ratio > 0) {
    const range = s("line", { x1: at(low === null ? 1 / reach : low), x2: at(high === null ? reach : high), y1: 11, y2: 11, class: "range" });
    const dot = s("circle", { cx: at(ratio), cy: 11, r: 4 });
    range.style.stroke = dot.style.fill = "var(--" + MARKS[row.verdict][0] + ")";
    parts.push(range, dot);
  }
  return s("svg", { class: "forest", "aria-hidden": "true" }, parts);
}
const DESIGNS = { duet: "duet: the arms shared each moment", slices: "slices: the arms took turns", historical: "historical: two runs at different times, which is weaker" };
function comparisonSection() {
  const compared = DATA.comparison;
  if (!compared) return null;
  const ratios = compared.arms.flatMap((arm) => arm.rows.flatMap((row) => (row.difference ? [] : row.change))).filter((ratio) => ratio !== null && ratio > 0);
  const reach = Math.min(8, Math.max(1 + 2 * compared.margin, ...ratios.map((ratio) => Math.max(ratio, 1 / ratio))) * 1.04);
  const bare = (part, unit) => inUnit(part, unit).replace(/ ms$/, "");
  const value = (unit, [middle, low, high]) => h("td", { class: "num" }, inUnit(middle, unit), low === null || high === null ? null : h("small", null, "[" + bare(low, unit) + " \u2013 " + bare(high, unit) + "]"));
  const change = (row) => {
    const say = row.difference ? (part) => (part > 0 ? "+" : "") + percent(part) : (part) => fixed(part, 3);
    const [middle, low, high] = row.change;
    return h("td", { class: "num" }, middle === null ? "n/a" : say(middle), low === null || high === null ? null : h("small", null, "[" + say(low) + " \u2013 " + say(high) + "]"));
  };
  const arms = compared.arms.map((arm) => {
    const rows = arm.rows.flatMap((row) => [[
      [h("span", null, row.stat ? row.stat + " " : "", term(row.metric, SHORT[row.metric] || labelOf(row.metric))), row.primary ? null : h("small", null, "advisory")],
      word(row.verdict), value(row.unit, row.baseline), value(row.unit, row.arm), change(row), row.difference ? h("span", { class: "soft" }, "difference") : forest(row, compared.margin, reach),
      h("td", { class: "num" }, row.detectable === null ? "n/a" : percent(row.detectable)),
      h("td", { class: "num" }, count(row.n[0]), h("small", null, count(row.n[1])))], [h("td", { colspan: 8, class: "why" }, row.why)]]);
    return [h("h3", null, named("arm:" + arm.name), " against ", compared.baseline, " ", word(arm.verdict)),
      table(["metric", "verdict", "#" + compared.baseline, "#" + arm.name, "#ratio", "dashed: margin", "#could see", "#n"], rows, { wide: true, class: "compared", caption: arm.name + " against " + compared.baseline })];
  });
  const { ranking } = compared;
  const ranked = ranking && [h("h3", null, "Ranking by " + ranking.stat + " ", term(ranking.metric, SHORT[ranking.metric] || ranking.metric)),
    table(["arm", "#ms", "groups"], ranking.order.map((one) => [named("arm:" + one.arm), one.value_ms === null ? "infinite" : ms(one.value_ms), one.groups.join(", ")]), { caption: "ranking" }),
    h("p", { class: "formula" }, "Arms of one group can\u2019t be told apart." + (ranking.unranked && ranking.unranked.length ? " Too few values: " + ranking.unranked.join(", ") + "." : ""))];
  const looks = compared.looks > 1 ? compared.looks + " looks, " : "";
  return section("comparison", "Comparison", "Margin " + percent(compared.margin) + " (error rate: " + percent(compared.error_margin) + " more), alpha " + compared.alpha + ", " + looks + count(compared.slices) + " slices. " + DESIGNS[compared.design] + ". Could see: the smallest change that this run would have told from none with 80 % power.", arms, ranked);
}

function controls() {
  const group = (what, role, buttons) => h("div", { role, "aria-label": what }, h("span", { class: "what", "aria-hidden": "true" }, what), buttons);
  const radios = (what, name, options) => {
    const buttons = options.map(([value, text]) => h("button", { type: "button", class: "pick", role: "radio", "data-value": value, onclick: () => choose(value) }, text));
    const choose = (value) => {
      state[name] = value;
      for (const button of buttons) {
        const on = button.dataset.value === value;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }
      redraw();
    };
    const made = group(what, "radiogroup", buttons);
    made.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
      next.focus();
      next.click();
    });
    choose(state[name]);
    return made;
  };
  const toggles = SERIES.map((scope) => {
    const button = h("button", { type: "button", class: "pick series", "aria-pressed": String(state.shown.has(scope)), title: scope }, named(scope));
    button.addEventListener("click", () => {
      if (!state.shown.delete(scope)) state.shown.add(scope);
      button.setAttribute("aria-pressed", String(state.shown.has(scope)));
      redraw();
    });
    return button;
  });
  return h("div", { class: "controls", role: "toolbar", "aria-label": "what the plots show" },
    METRICS.length ? radios("time", "metric", METRICS.map((metric) => [metric, SHORT[metric]])) : null,
    METRICS.length ? radios("scale", "scale", [["log", "log"], ["linear", "linear"]]) : null,
    SERIES.length > 1 ? group("series", "group", toggles) : null);
}

function costSection() {
  if (!DATA.info.prices_as_of) return section("cost", "Cost", null, h("p", { class: "none" }, "Unknown: the scenario names no price table."));
  const line = (name, requests, good, tokens, cost) => ({ name, requests, good, tokens, cost });
  const lines = [
    ...DATA.summary.scopes.map((scope) => line(SERIES.includes(scope.scope) ? named(scope.scope) : nameOf(scope.scope), scope.count.requests, scope.totals.good, scope.totals.output_tokens, scope.totals.cost)),
    ...DATA.summary.models.map((model) => line(["answered by ", h("span", { class: "name" }, model.model)], model.requests, model.good, model.output_tokens, model.cost)),
    ...DATA.summary.providers.map((one) => line(["provider ", h("span", { class: "name" }, one.provider)], one.requests, one.good, one.output_tokens, one.cost)),
  ];
  const parts = [["per_request_usd"], ["per_1k_output_usd"], ["per_good_usd"]].map(([name]) => [name, Math.max(0, ...lines.map((one) => one.cost[name] || 0))]);
  const money = (value, most) => {
    if (value === null || value === undefined) return h("td", { class: "num soft" }, "unknown");
    const bar = h("span", { class: "bar" });
    bar.style.width = (most > 0 ? (value / most) * 100 : 0) + "%";
    return h("td", { class: "num" }, usd(value), bar);
  };
  const rows = lines.map((one) => [one.name, count(one.requests), count(one.good), count(one.tokens), one.cost.unknown ? h("td", { class: "num soft" }, "unknown", h("small", null, usd(one.cost.usd) + " known; unknown for " + count(one.cost.unknown))) : usd(one.cost.usd), ...parts.map(([name, most]) => money(one.cost[name], most))]);
  return section("cost", "Cost", "US dollars: usage as the server counted it x the prices of " + DATA.info.prices_as_of + ". The bars compare down a column.",
    table(["", "#requests", "#good", "#output tokens", ["#", term("cost", "cost")], ["#", term("cost_per_request", "a request")], ["#", term("cost_per_1k_output", "1k output tokens")], ["#", term("cost_per_good", "a good request")]], rows, { wide: true, caption: "cost", class: "money" }));
}

function errorSection() {
  if (!TOTAL.errors.length) return section("errors", "Errors", null, h("p", { class: "none" }, "None."));
  const others = DATA.summary.scopes.filter((scope) => scope !== TOTAL && DATA.summary.scopes.length > 2);
  const rows = TOTAL.errors.map((error) => [h("th", { scope: "row" }, h("span", { class: "mono" }, error.outcome)), count(error.count), percent(error.count / Math.max(1, TOTAL.count.requests)),
    ...others.map((scope) => count((scope.errors.find((one) => one.outcome === error.outcome) || { count: 0 }).count)),
    h("td", { class: "wrap mono" }, error.last_message || "")]);
  return section("errors", "Errors", "Failures by kind, with what was said last. They are in no time above but those \u201cwith errors\u201d.",
    table(["kind", "#count", "#of requests", ...others.map((scope) => "#" + nameOf(scope.scope)), "last message"], rows, { wide: true, caption: "errors by kind" }));
}

function timesSection() {
  const stats = ["p50", "p90", "p95", "p99", "p99.9"];
  const cell = (found, stat) => {
    const quantile = found.quantiles.find((one) => one.stat === stat);
    if (!quantile) return h("td", { class: "num soft" }, "n/a");
    if (quantile.value_ms === null) return h("td", { class: "num soft" }, "n/a", h("small", null, "needs " + count(quantile.needs)));
    return h("td", { class: "num" }, ms(quantile.value_ms), h("small", null, "[" + ms(quantile.ci_low_ms) + " \u2013 " + ms(quantile.ci_high_ms) + "]"));
  };
  const adjusted = (found, stat) => {
    const quantile = found.quantiles.find((one) => one.stat === stat);
    return !quantile ? "n/a" : quantile.adjusted_infinite ? "infinite" : quantile.adjusted_ms === null ? "n/a" : ms(quantile.adjusted_ms);
  };
  const blocks = DATA.legend.filter((entry) => entry.time).map((entry) => {
    const scopes = DATA.summary.scopes.filter((scope) => scope.metrics.some((one) => one.metric === entry.name));
    if (!scopes.length) return null;
    const failures = scopes.some((scope) => scope.count.failed > 0) && ["ttft", "ttft_service", "ttfo", "e2e", "service"].includes(entry.name);
    const rows = scopes.map((scope) => {
      const found = scope.metrics.find((one) => one.metric === entry.name);
      return [SERIES.includes(scope.scope) ? named(scope.scope) : nameOf(scope.scope), count(found.n), ms(found.mean_ms), ...stats.map((stat) => cell(found, stat)), ms(found.max_ms), ...(failures ? [adjusted(found, "p95"), adjusted(found, "p99")] : [])];
    });
    return h("div", null, h("h3", null, entry.label, " ", h("span", { class: "soft mono" }, entry.name)), h("p", { class: "formula" }, "ms = " + entry.formula),
      table(["", "#n", "#mean", ...stats.map((stat) => "#" + stat), "#max", ...(failures ? ["#p95 with errors", "#p99 with errors"] : [])], rows, { wide: true, class: "even", caption: entry.label }));
  });
  return section("times", "All times", "Milliseconds, with the 95 % interval of each quantile; it takes requests as independent. With errors: a failed request counts as infinitely slow. n/a: the sample can\u2019t carry it.", blocks);
}

function countSection() {
  const scopes = DATA.summary.scopes;
  const names = DATA.legend.filter((entry) => !entry.time).map((entry) => entry.name);
  const lines = DATA.rows.filter((row) => names.includes(row[1]) && !/^(model|provider):/.test(row[0]));
  const keys = [...new Set(lines.map((row) => row[1] + "\n" + (row[2] === "value" || row[2] === "mean" ? "" : row[2])))];
  const say = (row) => {
    if (!row || row[3] === null) return h("span", { class: "soft" }, row ? "unknown" : "");
    if (row[4] === "USD") return usd(row[3]);
    if (row[4] === "share") return percent(row[3]);
    return row[4] === "1/s" ? fixed(row[3], 2) + "/s" : count(row[3]);
  };
  const rows = keys.map((both) => {
    const [metric, stat] = both.split("\n");
    const found = (scope) => lines.find((row) => row[0] === scope.scope && row[1] === metric && (stat ? row[2] === stat : row[2] === "value" || row[2] === "mean"));
    return [[labelOf(metric), stat ? [" ", h("span", { class: "mono" }, stat)] : null], ...scopes.map((scope) => say(found(scope))), h("td", { class: "wrap formula" }, formulaOf(metric))];
  });
  return section("counts", "Counts, rates, money", null, table(["", ...scopes.map((scope) => "#" + nameOf(scope.scope)), "is"], rows, { wide: true, caption: "counts, rates and money" }));
}

function sharesSection() {
  const { shares } = DATA.info;
  if (!shares || !shares.length) return null;
  const verdict = { as_expected: "as expected", off: "off", unexpected: "off: a name without a weight answered", too_few: "too few answers to tell" };
  const blocks = shares.map((found) => {
    const all = Math.max(1, found.answers);
    const p = found.p === null ? "n/a" : found.p < 0.0001 ? "below 0.0001" : found.p.toFixed(4);
    const level = found.verdict === "as_expected" ? "valid" : found.verdict === "too_few" ? "warn" : "invalid";
    const rows = found.shares.map((name) => [h("span", { class: "name" }, name.name), count(name.observed), percent(name.observed / all), fixed(name.expected, 1), percent(name.expected / all)]);
    return [h("h3", null, found.recipe + " by " + found.by + " ", word(level, verdict[found.verdict])), h("p", { class: "formula" }, "chi-square " + (found.chi_square === null ? "n/a" : found.chi_square.toFixed(3)) + ", p " + p),
      table([found.by, "#observed", "#share", "#expected", "#share"], rows, { caption: "shares" })];
  });
  return section("shares", "Shares", "How the gateway shared out the answers, against the weights of the scenario.", blocks);
}

function phaseSection() {
  const time = (value) => (value === null || value === undefined ? "\u2013" : fixed(value / 1000, 1) + " s");
  const rows = DATA.info.phases.map((phase, at) => [phase.name, phase.warmup ? "warm-up" : "measured", phase.shape, time(phase.started_ms), time(phase.ended_ms), phase.planned_arrivals === null ? "\u2013" : count(phase.planned_arrivals), count((DATA.summary.phases[at] || { requests: 0 }).requests)]);
  const recipes = DATA.info.recipes.map((recipe) => [recipe.name, h("span", { class: "name mono" }, recipe.model), recipe.stream ? "streamed" : "whole", String(recipe.weight)]);
  const { arms } = DATA.info;
  const armRows = (arms || []).map((arm) => [named("arm:" + arm.name), h("td", { class: "wrap mono" }, arm.target.kind === "lab" ? "the embedded lab" : arm.target.url), h("td", { class: "wrap mono" }, [...new Set(arm.models)].join(", "))]);
  return section("load", "Load", null, armRows.length ? table(["arm", "target", "models"], armRows, { caption: "arms" }) : null, table(["phase", "", "shape", "#began", "#ended", "#planned", "#requests"], rows, { wide: true, caption: "phases" }),
    table(["recipe", "model", "answer", "#weight"], recipes, { caption: "recipes" }));
}

// Every line of summary.csv, as it stands there.
function everySection() {
  const show = (value) => (value === null ? "" : String(value));
  const made = table(["scope", "metric", "stat", "#value", "unit", "#ci_low", "#ci_high", "#n"], DATA.rows.map((row) => row.map(show)), { id: "summary-csv", class: "behind", caption: "every line of summary.csv" });
  const lines = [...made.querySelectorAll("tbody tr")];
  const filter = h("input", { type: "search", class: "filter", placeholder: "filter: recipe, metric, stat", "aria-label": "filter the lines" });
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    lines.forEach((row) => (row.hidden = !words.every((part) => row.textContent.toLowerCase().includes(part))));
  });
  return section("every", "Every figure", "The lines of summary.csv, unrounded.", h("details", { class: "more" }, h("summary", null, count(DATA.rows.length) + " lines"), filter, made));
}

function legendSection() {
  const present = new Set(DATA.rows.map((row) => row[1]));
  const entries = DATA.legend.filter((entry) => present.has(entry.name));
  return section("formulas", "Formulas", "Instants are on one monotonic clock. due: when the plan wants a request to start. sent: when the socket took its first byte.",
    h("dl", { class: "legend" }, entries.map((entry) => h("div", null, h("dt", null, entry.label, " ", h("span", { class: "soft mono" }, entry.name)), h("dd", null, "= " + entry.formula)))));
}

// Dark and light: as the system has it, until it is chosen.
const system = matchMedia("(prefers-color-scheme: dark)");
const themeNow = () => document.documentElement.dataset.theme || "light";
const nextTheme = () => (themeNow() === "dark" ? "light" : "dark");
function theme(name, chosen = true) {
  document.documentElement.dataset.theme = name;
  const button = document.querySelector(".theme");
  if (button) button.replaceChildren(name === "dark" ? "light" : "dark");
  if (button) button.setAttribute("aria-label", "switch to the " + (name === "dark" ? "light" : "dark") + " theme");
  if (chosen) themeNow.chosen = true;
}
system.addEventListener("change", () => themeNow.chosen || theme(system.matches ? "dark" : "light", false));

document.getElementById("page").append(
  h("a", { class: "skip", href: "#headline" }, "to the figures"),
  head(), h("main", null, verdicts(), tiles(), gateSection(), comparisonSection(), controls(),
    quantilePlot(), coursePlot(), heatPlot(), gapPlot(),
    costSection(), errorSection(), timesSection(), countSection(), sharesSection(), phaseSection(), everySection(), legendSection()),
  h("footer", null, "tollgate " + DATA.info.tollgate + ". This page needs nothing but itself; the figures stand in summary.csv, the histograms in latency.hlog, each request in samples.csv."));
theme(system.matches ? "dark" : "light", false);

// On paper everything is open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.more:not([open])")];
  opened.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => opened.forEach((details) => (details.open = false)));
