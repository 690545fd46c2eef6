//! What the command line changes in a scenario. A flag that changes nothing is a problem.

use std::sync::Arc;

use super::document::Spanned;
use super::file::{Closed, File, GatewayTarget, Kind, Phase, Ramp, Steady, Target};
use super::{Env, Problem, Source};
use crate::base::{HumanDuration, Rate, Seed};

/// What the command line changes.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--target`: the name of a target in the file, or a base URL.
    pub target: Option<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--run-id`.
    pub run_id: Option<String>,
    /// `-c`: users of the measured closed loops.
    pub concurrency: Option<u32>,
    /// `-r`: rate of the measured open loops.
    pub rate: Option<Rate>,
    /// `-d`: duration of the measured phases.
    pub duration: Option<HumanDuration>,
    /// `-n`: requests of the measured phases.
    pub requests: Option<u64>,
    /// `compare`: there must be arms.
    pub compares: bool,
    /// `compare --aa`: the baseline is compared with itself.
    pub aa: bool,
    /// `--reconcile`.
    pub reconcile: bool,
    /// Whether the scenario must be one of a gateway's overhead, or must be none; either where absent.
    pub overhead: Option<bool>,
}

const PHASES_HELP: &str = "leave the flag out, or give the scenario a phase that it can change";
const ARMS_HELP: &str = "leave the flag out, or the target out of an arm that is to have this one";

impl Overrides {
    /// Changes `file`, and says which flags changed nothing.
    pub(super) fn apply(
        &self,
        file: &mut File,
        source: &Arc<Source>,
        env: Env<'_>,
    ) -> Vec<Problem> {
        if let Some(seed) = self.seed {
            file.seed = Some(Seed(seed));
        }
        if let Some(id) = &self.run_id {
            file.run_id = Some(Spanned::new(id.clone(), 0..0));
        }
        if let Some(target) = &self.target {
            choose_target(file, target, env);
        }
        if self.reconcile && file.reconcile.is_none() {
            let section = super::logs::ReconcileSection::default();
            file.reconcile = Some(Spanned::new(section, 0..0));
        }
        if self.aa {
            super::arms::double(file);
        }
        let measured: Vec<&mut Phase> = file
            .load
            .iter_mut()
            .flat_map(|load| load.value.iter_mut())
            .map(|phase| &mut phase.value)
            .filter(|phase| !phase.warmup)
            .collect();
        let useless = self.change_phases(measured).into_iter();
        let useless = useless.map(|(flag, why)| (flag, why, PHASES_HELP));
        let chosen = self.target.is_some() && super::arms::all_have_targets(file);
        let chosen = chosen.then_some(("--target", "each arm names its target", ARMS_HELP));
        let problem = |(flag, why, help)| {
            Problem::whole(source, format!("`{flag}` has no effect: {why}")).with_help(help)
        };
        chosen.into_iter().chain(useless).map(problem).collect()
    }

    fn change_phases(&self, phases: Vec<&mut Phase>) -> Vec<(&'static str, &'static str)> {
        let mut used = [false; 4];
        for phase in phases {
            let (mut concurrency, mut rate, mut duration, mut requests) = (None, None, None, None);
            if let Some(Closed {
                concurrency: c,
                requests: n,
                duration: d,
                ..
            }) = &mut phase.closed
            {
                (concurrency, requests, duration) = (Some(c), Some(n), Some(Length::Optional(d)));
            }
            for steady in [&mut phase.constant, &mut phase.poisson]
                .into_iter()
                .flatten()
            {
                let Steady {
                    rate: r,
                    duration: d,
                    requests: n,
                    ..
                } = steady;
                (rate, requests, duration) = (Some(r), Some(n), Some(Length::Optional(d)));
            }
            if let Some(Ramp { duration: d, .. }) = &mut phase.ramp {
                duration = Some(Length::Required(d));
            }
            if let (Some(to), Some(field)) = (self.concurrency, concurrency) {
                field.value = to;
                used[0] = true;
            }
            if let (Some(to), Some(field)) = (self.rate, rate) {
                field.value = to;
                used[1] = true;
            }
            used[2] |= self.change_bound(duration, requests, &mut used[3]);
        }
        let flags = [
            (
                self.concurrency.is_some(),
                "-c",
                "no measured phase is a closed loop",
            ),
            (self.rate.is_some(), "-r", "no measured phase has one rate"),
            (self.duration.is_some(), "-d", "there is no measured phase"),
            (
                self.requests.is_some(),
                "-n",
                "no measured phase counts requests",
            ),
        ];
        flags
            .into_iter()
            .zip(used)
            .filter(|((given, ..), used)| *given && !used)
            .map(|((_, flag, why), _)| (flag, why))
            .collect()
    }

    /// `-d` or `-n` alone replaces whatever ended the phase; both together end it at the first.
    fn change_bound(
        &self,
        duration: Option<Length<'_>>,
        requests: Option<&mut Option<Spanned<u64>>>,
        requests_used: &mut bool,
    ) -> bool {
        let counts = requests.is_some();
        if let Some(field) = requests {
            if let Some(to) = self.requests {
                *field = Some(Spanned::new(to, 0..0));
                *requests_used = true;
            } else if self.duration.is_some() {
                *field = None;
            }
        }
        match (duration, self.duration) {
            (Some(Length::Required(field)), Some(to)) => field.value = to,
            (Some(Length::Optional(field)), Some(to)) => *field = Some(Spanned::new(to, 0..0)),
            (Some(Length::Optional(field)), None) if counts && self.requests.is_some() => {
                *field = None;
            }
            _ => {}
        }
        self.duration.is_some()
    }
}

/// The duration of a phase, which some shapes can do without.
enum Length<'a> {
    Required(&'a mut Spanned<HumanDuration>),
    Optional(&'a mut Option<Spanned<HumanDuration>>),
}

/// Chooses a target by its name, or adds one for a URL.
fn choose_target(file: &mut File, target: &str, env: Env<'_>) {
    let unplaced = |text: &str| Spanned::new(text.to_owned(), 0..0);
    file.target = Some(unplaced(target));
    if !target.contains("://") {
        return;
    }
    let kind = Kind::of_url(target);
    let gateway = GatewayTarget {
        url: unplaced(target),
        kind,
        api_key: env(kind.key_variable()).map(|key| Spanned::new(key, 0..0)),
        ..GatewayTarget::default()
    };
    let entry = (
        unplaced(target),
        Spanned::new(Target::Gateway(gateway), 0..0),
    );
    match &mut file.targets {
        Some(targets) => targets.value.0.push(entry),
        None => file.targets = Some(Spanned::new(super::file::Ordered(vec![entry]), 0..0)),
    }
}

impl Kind {
    /// Whose contract a URL on the command line is taken to keep.
    pub fn of_url(url: &str) -> Self {
        let host = url::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let respan = |host: &str| host == "respan.ai" || host.ends_with(".respan.ai");
        if host.as_deref().is_some_and(respan) {
            Self::Respan
        } else {
            Self::Openai
        }
    }

    /// The name in files.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).expect("a name always encodes");
        name.as_str().unwrap_or_default().to_owned()
    }

    /// The environment variable that holds the key of a target given on the command line.
    pub const fn key_variable(self) -> &'static str {
        match self {
            Self::Respan => "RESPAN_API_KEY",
            _ => "OPENAI_API_KEY",
        }
    }
}
