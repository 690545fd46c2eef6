//! `tollgate prices pull`: a gateway's own list of prices, to a dated table.

use std::fmt::Write;

use anyhow::Context;
use time::OffsetDateTime;
use time::macros::format_description;

use super::cli::PullArgs;
use super::{Exit, preflight, terminal};
use crate::base::Usd;
use crate::dialect::error_message;
use crate::pricing::{Listed, Price};
use crate::scenario::Timeouts;
use crate::shot::Headers;
use crate::wire::{Endpoint, probe};

/// Where a Respan gateway lists its models; it asks for no key.
const LIST: &str = "models/public/";
/// The most pages of a list.
const PAGES: usize = 100;

/// The base URL of a target by its name or URL, or what is wrong with it.
pub(super) fn base_url(target: &str) -> Result<String, String> {
    const HELP: &str =
        "help: write it as an SDK takes it, https://api.respan.ai/api, or `respan` for just that";
    if target == "respan" {
        return Ok("https://api.respan.ai/api".to_owned());
    }
    let text = target.trim_end_matches('/');
    let parsed = url::Url::parse(text).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = parsed else {
        return Err(format!("`{target}` is no base URL\n{HELP}"));
    };
    let keyed = !url.username().is_empty() || url.password().is_some();
    if keyed || url.query().is_some() || url.fragment().is_some() {
        let said = "a base URL is a scheme, a host and a path, and no more";
        return Err(format!("{said}\n{HELP}"));
    }
    match text.strip_suffix("/chat/completions") {
        Some(base) => Err(format!(
            "`/chat/completions` is added by itself\nhelp: write {base}"
        )),
        None => Ok(text.to_owned()),
    }
}

/// How long a request outside of any measurement may take.
pub(super) fn patience() -> Timeouts {
    let seconds = std::time::Duration::from_secs;
    Timeouts {
        connect: seconds(10),
        first_token: seconds(60),
        idle: seconds(60),
        request: seconds(120),
    }
}

pub(super) fn pull(args: &PullArgs) -> anyhow::Result<Exit> {
    let base_url = match base_url(&args.target) {
        Ok(base_url) => base_url,
        Err(wrong) => {
            terminal::error(&wrong);
            return Ok(Exit::Usage);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let endpoint = Endpoint {
        base_url,
        ..Endpoint::default()
    };
    let listed = match runtime.block_on(read(&endpoint)) {
        Ok(listed) => listed,
        Err(why) => {
            terminal::error(&why);
            return Ok(Exit::Preflight);
        }
    };
    for row in &listed.left_out {
        terminal::message(&format!("left out: {}: {}", row.name, row.why));
    }
    if listed.models.is_empty() {
        terminal::error("the list holds no price that can be read; nothing was written");
        return Ok(Exit::NoData);
    }
    let source = format!("{}/{LIST}", endpoint.base_url);
    let today = OffsetDateTime::now_utc().format(&format_description!("[year]-[month]-[day]"))?;
    let text = table(&listed, &source, &today);
    let count = listed.models.len();
    match &args.output {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("{}", path.display()))?;
            terminal::message(&format!("{count} prices in {}", path.display()));
        }
        None => terminal::data(&text),
    }
    Ok(Exit::Fine)
}

/// All pages of a gateway's list, or what is wrong with it.
pub(super) async fn read(endpoint: &Endpoint) -> Result<Listed, String> {
    let mut listed = Listed::default();
    let mut path = LIST.to_owned();
    for _ in 0..PAGES {
        let url = format!("{}/{path}", endpoint.base_url);
        let (status, body) = probe(endpoint, &path, &Headers::default(), &patience())
            .await
            .map_err(|failure| preflight::unreachable(endpoint, &failure).to_string())?;
        if status != 200 {
            let said = error_message(&body).unwrap_or_default();
            return Err(format!(
                "{url} answered status {status}: {said}\nhelp: check the base URL; only a Respan gateway has this list"
            ));
        }
        let next = listed.read(&body).map_err(|error| {
            format!("{url}: {error}\nhelp: check that the base URL is that of a Respan gateway")
        })?;
        let Some(next) = next else {
            return Ok(listed);
        };
        let below = next.strip_prefix(&endpoint.base_url);
        let below = below.and_then(|rest| rest.strip_prefix('/'));
        path = below
            .ok_or_else(|| format!("{url}: its next page is elsewhere, at {next}"))?
            .to_owned();
    }
    Err(format!("the list has more than {PAGES} pages"))
}

/// The text of a price table.
fn table(listed: &Listed, source: &str, today: &str) -> String {
    let mut out = format!(
        "# Read by tollgate {} from the gateway's own list; US dollars for a million tokens.\n",
        env!("CARGO_PKG_VERSION")
    );
    let left = listed.left_out.len();
    if left > 0 {
        out += &format!("# {left} of its rows could not be read, and are not here:\n");
    }
    for row in &listed.left_out {
        let line = format!("{}: {}", row.name, row.why).replace(char::is_control, " ");
        out += &format!("#   {line}\n");
    }
    out += &format!(
        "as_of: {today}\nsource: {}\nmodels:\n",
        variables_escaped(&quoted(source))
    );
    for (name, price) in &listed.models {
        let _ = writeln!(out, "  {}: {}", quoted(name), tokens(price));
    }
    out
}

fn tokens(price: &Price) -> String {
    let Some(tokens) = &price.per_million else {
        return "{}".to_owned();
    };
    let cached = tokens.cached_input.map(usd);
    let cached = cached.map_or_else(String::new, |cached| format!(", cached_input: {cached}"));
    let (input, output) = (usd(tokens.input), usd(tokens.output));
    format!("{{ per_million: {{ input: {input}{cached}, output: {output} }} }}")
}

/// A text as YAML takes it, whatever it holds.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Values may hold variables; keys are taken as they stand.
fn variables_escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A price in plain decimal figures, at least cents.
fn usd(price: Usd) -> String {
    const PLACES: usize = 15;
    let digits = format!("{:0>width$}", price.femtos(), width = PLACES + 1);
    let (whole, fraction) = digits.split_at(digits.len() - PLACES);
    let kept = fraction.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &fraction[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::{self, Source};

    #[test]
    fn a_target_is_a_base_url_and_no_more() {
        let kept = |target: &str| base_url(target).unwrap();
        assert_eq!(kept("http://h:1/api/"), "http://h:1/api");
        assert_eq!(kept("respan"), "https://api.respan.ai/api");
        let wrong = [
            "h:1/api",
            "ftp://h/api",
            "http://u:p@h/api",
            "http://h/api?key=x",
            "http://h/v1/chat/completions",
            "",
        ];
        assert!(wrong.iter().all(|target| base_url(target).is_err()));
    }

    #[test]
    fn a_price_is_written_as_it_is_read() {
        for text in ["1.25", "0.0375", "10.00", "0.00", "0.000000000001"] {
            assert_eq!(usd(text.parse().unwrap()), text);
        }
    }

    #[test]
    fn a_table_that_is_written_reads_back_whatever_the_names_hold() {
        let mut listed = Listed::default();
        let page = r#"[{"model":"a: #b","input_cost":1,"output_cost":2},
            {"model":"x${HOME}","input_cost":0.5,"output_cost":2,"cache_hit_input_cost":0.05},
            {"model":"bad\nname","input_cost":null,"output_cost":2}]"#;
        listed.read(page.as_bytes()).unwrap();
        let text = table(&listed, "http://x/${A}/models/public/", "2026-11-24");
        let source = Source::new("prices.yaml", text);
        let read = document::read::<crate::pricing::PriceTable>(&source, &|_| None);
        assert!(read.problems.is_empty(), "{}", source.text);
        let table = read.value.unwrap();
        assert_eq!(table.models, listed.models);
        assert_eq!(table.as_of, "2026-11-24");
        assert_eq!(
            table.source.as_deref(),
            Some("http://x/${A}/models/public/")
        );
    }
}
