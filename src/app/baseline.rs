//! `tollgate baseline`: what later runs are held against.

use std::path::{Path, PathBuf};

use super::cli::{BaselineSaveArgs, BaselineShowArgs};
use super::{Exit, terminal};
use crate::record::Summary;
use crate::results::{self, Material, names};

pub(super) fn save(args: &BaselineSaveArgs) -> Exit {
    let name = match &args.name {
        Some(name) => Ok(name.clone()),
        None => results::read_info(&args.run).map(|info| info.scenario),
    };
    let saved = name.and_then(|name| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
            terminal::error(&format!(
                "`{name}` can't be the name of a baseline: use letters, digits, `-`, `_` and `.`"
            ));
            return Ok(None);
        }
        results::save_baseline(&args.run, &args.dir.join(name)).map(Some)
    });
    match saved {
        Ok(Some(saved)) => {
            let size = saved.bytes.div_ceil(1024);
            terminal::data(&format!("saved to {}, {size} KiB\n", saved.path.display()));
            Exit::Fine
        }
        Ok(None) => Exit::Usage,
        Err(error) => {
            terminal::error(&error.to_string());
            Exit::Usage
        }
    }
}

pub(super) fn show(args: &BaselineShowArgs) -> Exit {
    let folders = match folders(&args.dir) {
        Ok(folders) => folders,
        Err(error) => {
            terminal::error(&format!("{}: {error}", args.dir.display()));
            return Exit::Usage;
        }
    };
    if folders.is_empty() {
        let dir = args.dir.display();
        terminal::error(&format!(
            "there is no baseline in {dir}: save one with `tollgate baseline save RUN`"
        ));
        return Exit::Usage;
    }
    let mut exit = Exit::Fine;
    for folder in folders {
        match results::material(&folder, None) {
            Ok(baseline) => terminal::data(&lines(&folder, &baseline)),
            Err(error) => {
                terminal::error(&error.to_string());
                exit = Exit::Usage;
            }
        }
    }
    exit
}

/// The folder itself where it is a baseline, and else those in it that are.
fn folders(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_one = |path: &Path| path.join(names::RUN).exists();
    if is_one(dir) {
        return Ok(vec![dir.to_owned()]);
    }
    let entries = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<std::io::Result<_>>()?;
    paths.retain(|path| is_one(path));
    paths.sort();
    Ok(paths)
}

fn lines(folder: &Path, baseline: &Material) -> String {
    let info = &baseline.info;
    let mut out = format!(
        "{}\n  {} against {}, {} · plan {} · tollgate {} · {}\n",
        folder.display(),
        info.scenario,
        info.target.name,
        info.started_utc,
        info.digest,
        info.tollgate,
        info.host,
    );
    let Some(total) = info.summary.as_ref().and_then(Summary::total) else {
        return out;
    };
    let quantile = |metric: &crate::record::MetricSummary, stat: &str| {
        let found = metric.quantile(stat).and_then(|quantile| quantile.value_ms);
        found.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2} ms"))
    };
    out += &format!(
        "  {} requests, {:.2} % failed, goodput {:.2}/s\n",
        total.count.requests,
        total.totals.error_rate * 100.0,
        total.totals.goodput_per_s,
    );
    for metric in &total.metrics {
        let [p50, p95, p99] = ["p50", "p95", "p99"].map(|stat| quantile(metric, stat));
        let (name, n) = (metric.metric.name(), metric.n);
        out += &format!("  {name:<16} p50 {p50}, p95 {p95}, p99 {p99}, n {n}\n");
    }
    out
}
