//! Whether two runs are alike in all but what they measured.

use super::RunInfo;
use crate::judge::Difference;

/// A field of a run, in words.
type InWords = fn(&RunInfo) -> String;

/// In what two runs are unlike: what was asked, and of which machine and version.
pub fn differences(baseline: &RunInfo, run: &RunInfo) -> Vec<Difference> {
    let fields: [(&str, InWords); 12] = [
        ("scenario", |info| info.scenario.clone()),
        ("target", |info| {
            format!("{} ({})", info.target.name, info.target.kind)
        }),
        ("arms", arms),
        ("models", models),
        ("load", load),
        ("seed", |info| info.seed.0.to_string()),
        ("slos", |info| {
            serde_json::to_string(&info.slos).expect("plain data always encodes")
        }),
        ("prices_as_of", |info| {
            info.prices_as_of.clone().unwrap_or_default()
        }),
        ("plan", |info| info.digest.clone()),
        ("tollgate", |info| minor(&info.tollgate)),
        ("host", |info| info.host.clone()),
        ("client", |info| client(&info.client)),
    ];
    let fields = fields.into_iter().filter_map(|(field, of)| {
        let (baseline, run) = (of(baseline), of(run));
        (baseline != run).then(|| Difference {
            field: field.to_owned(),
            baseline,
            run,
        })
    });
    fields.collect()
}

fn models(info: &RunInfo) -> String {
    let recipe = |recipe: &super::RecipeInfo| {
        let stream = if recipe.stream { "" } else { ", not streamed" };
        format!(
            "{}: {} x {}{stream}",
            recipe.name, recipe.model, recipe.weight
        )
    };
    let recipes: Vec<String> = info.recipes.iter().map(recipe).collect();
    recipes.join("; ")
}

fn arms(info: &RunInfo) -> String {
    let arms = info.arms.iter();
    let arms = arms.map(|arm| format!("{}: {} ({})", arm.name, arm.target.name, arm.target.kind));
    arms.collect::<Vec<_>>().join("; ")
}

fn load(info: &RunInfo) -> String {
    let phases = info.phases.iter();
    let phases: Vec<String> = phases.map(|p| format!("{}: {}", p.name, p.shape)).collect();
    phases.join("; ")
}

/// A version without its last part.
fn minor(version: &str) -> String {
    version
        .rsplit_once('.')
        .map_or(version, |(minor, _)| minor)
        .to_owned()
}

/// The client's words without its last part, who stamps: the kernel may refuse in one run and not in
/// another, and `stamps` tells how many it did.
fn client(words: &str) -> String {
    words.splitn(3, ", ").take(2).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_the_tool_makes_no_run_unlike() {
        assert_eq!(minor("0.1.7"), minor("0.1.0"));
        assert_ne!(minor("0.2.0"), minor("0.1.0"));
        assert_eq!(
            client("direct, HTTP/1.1, kernel receive stamps"),
            "direct, HTTP/1.1"
        );
    }
}
