//! Requests of the client and of the provider, joined by their markers, and paired.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::added::{self, AddedTime, BLOCKS, Side};
use super::fidelity::{Fidelity, Look};
use super::front::{Front, Level};
use super::upstream;
use super::{Claim, LevelFound, OVERHEAD_SCHEMA, Overhead};
use crate::lab::Truth;
use crate::wire::Outcome;

/// What a provider did with one request.
#[derive(Clone, Debug)]
pub struct Provided {
    /// The provider's name.
    pub provider: String,
    /// Its marks.
    pub truth: Truth,
}

/// How many requests are in pairs, and why others are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Pairs of a request through the gateway and one past it.
    pub kept: u64,
    /// Pairs that were dropped.
    pub dropped: u64,
    /// Why, by what was wrong with either side.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub why: BTreeMap<String, u64>,
}

/// Why a request is in no pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The client has no whole answer.
    Failed,
    /// The provider broke its answer off, by its script.
    ProviderFailed,
    /// A provider was asked more than once.
    AskedAgain,
    /// The answer came from the gateway's cache: no provider was asked.
    FromCache,
    /// The answer is that to another request.
    OtherAnswer,
    /// The provider saw no marker, so nobody knows which of its requests it was.
    MarkerDropped,
    /// The answer is not what the provider said.
    Rewritten,
    /// The provider had no room for its marks.
    Unkept,
    /// There is no request on the other side.
    Alone,
}

impl Flaw {
    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::ProviderFailed => "provider_failed",
            Self::AskedAgain => "asked_again",
            Self::FromCache => "from_cache",
            Self::OtherAnswer => "other_answer",
            Self::MarkerDropped => "marker_dropped",
            Self::Rewritten => "rewritten",
            Self::Unkept => "unkept",
            Self::Alone => "alone",
        }
    }
}

/// Gathers the requests of a run.
#[derive(Debug, Default)]
pub struct Sandwich {
    levels: Vec<(u16, Level)>,
    fronts: Vec<Front>,
}

/// All that a provider did with one request, in the order of its coming.
pub(super) type Marks<'t> = HashMap<u64, Vec<&'t Provided>>;

impl Sandwich {
    /// A sandwich of these loads, each with the place of its phase.
    pub const fn new(levels: Vec<(u16, Level)>) -> Self {
        Self {
            levels,
            fronts: Vec::new(),
        }
    }

    /// Adds a request that is over. Those of a warm-up are no part of it.
    pub fn push(&mut self, front: Front) {
        if self.levels.iter().any(|(phase, _)| *phase == front.phase) {
            self.fronts.push(front);
        }
    }

    /// What was found, where the provider's marks are there: `None` where only two targets are held
    /// against each other.
    pub fn judge(&self, provided: Option<&[Provided]>) -> Overhead {
        let mut marks: Marks<'_> = HashMap::new();
        for one in provided.unwrap_or_default() {
            if one.truth.marked {
                marks.entry(one.truth.key).or_default().push(one);
            }
        }
        for all in marks.values_mut() {
            all.sort_by_key(|one| one.truth.received);
        }
        let exact = provided.is_some();
        let mut found = Overhead {
            schema: OVERHEAD_SCHEMA,
            exact,
            ..Overhead::default()
        };
        for (phase, level) in &self.levels {
            let of_level = self.fronts.iter().filter(|front| front.phase == *phase);
            let fronts: Vec<&Front> = of_level.collect();
            let level = level_found(level, &fronts, exact.then_some(&marks));
            found.pairs.add(&level.pairs);
            found.stream.merge(&level.stream);
            found.levels.push(level);
        }
        found.stream.judge();
        found.set_limits();
        let through: Vec<&Front> = self.fronts.iter().filter(|front| front.gateway).collect();
        if let Some(provided) = provided {
            found.upstream = Some(upstream::upstream(&through, &marks, provided));
        }
        found.claim = claim(&through, exact.then_some(&marks));
        found
    }
}

impl Pairs {
    fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.dropped += other.dropped;
        for (why, count) in &other.why {
            *self.why.entry(why.clone()).or_default() += count;
        }
    }

    fn drop(&mut self, flaws: [Option<Flaw>; 2]) {
        self.dropped += 1;
        for flaw in flaws.into_iter().flatten() {
            *self.why.entry(flaw.name().to_owned()).or_default() += 1;
        }
    }
}

/// The one request at a provider that a clean answer came of.
fn truth_of<'t>(front: &Front, marks: Option<&Marks<'t>>) -> Option<&'t Truth> {
    let all = marks?.get(&front.key)?;
    all.last().map(|one| &one.truth)
}

/// What is wrong with a request, if anything is.
pub(super) fn flaw(front: &Front, marks: Option<&Marks<'_>>) -> Option<Flaw> {
    if front.outcome != Outcome::Ok {
        return Some(Flaw::Failed);
    }
    let marks = marks?;
    let answered = front.trail.marker.map(|marker| marker.0);
    match marks.get(&front.key).map_or(&[][..], Vec::as_slice) {
        [] if front.told_cached => Some(Flaw::FromCache),
        [] => Some(match answered {
            Some(other) if other == front.key => Flaw::Unkept,
            Some(_) => Flaw::FromCache,
            None => Flaw::MarkerDropped,
        }),
        [one] => match answered {
            Some(other) if other != front.key => Some(Flaw::OtherAnswer),
            None => Some(Flaw::Rewritten),
            _ if front.trail.foreign > 0 => Some(Flaw::Rewritten),
            _ => (!one.truth.whole).then_some(Flaw::ProviderFailed),
        },
        _ => Some(Flaw::AskedAgain),
    }
}

/// The times of a clean request that a gateway adds to.
struct Around {
    ttft: Option<u64>,
    e2e: Option<u64>,
    plain: Option<u64>,
}

impl Around {
    /// What is left once the provider's own time is taken off, where that is known.
    fn of(front: &Front, truth: Option<&Truth>) -> Self {
        let own = |from: u64, to: Option<u64>| to.map_or(0, |to| to.saturating_sub(from));
        let provider = truth.map(|truth| {
            let first = truth.chunks.first().copied();
            (
                own(truth.received, first),
                own(truth.received, Some(truth.end)),
            )
        });
        let (first, whole) = provider.unwrap_or_default();
        let around = front.service().map(|service| service.saturating_sub(whole));
        Self {
            ttft: front.ttft().map(|ttft| ttft.saturating_sub(first)),
            e2e: around.filter(|_| front.stream),
            plain: around.filter(|_| !front.stream),
        }
    }
}

/// The sides of each time.
#[derive(Default)]
struct Times([[Side; 2]; 4]);

impl Times {
    fn push(&mut self, block: usize, front: &Front, truth: Option<&Truth>) {
        let side = usize::from(front.gateway);
        let around = Around::of(front, truth);
        let [ttft, chunk, e2e, plain] = &mut self.0;
        let rows = [
            (ttft, around.ttft),
            (e2e, around.e2e),
            (plain, around.plain),
        ];
        for (sides, time) in rows {
            if let Some(time) = time {
                sides[side].push(block, time);
            }
        }
        let Some(truth) = truth.filter(|_| front.stream) else {
            return;
        };
        for piece in &front.trail.pieces {
            let came = front.came(piece);
            let numbers = piece.first..piece.first.saturating_add(piece.count);
            for sent in numbers.filter_map(|number| truth.chunks.get(number as usize)) {
                chunk[side].push(block, came.saturating_sub(*sent));
            }
        }
    }
}

fn level_found(level: &Level, fronts: &[&Front], marks: Option<&Marks<'_>>) -> LevelFound {
    let mut found = LevelFound {
        name: level.name.clone(),
        load: level.load.clone(),
        rate_per_s: level.rate,
        users: level.users,
        ..LevelFound::default()
    };
    let mut pairs = BTreeMap::<u64, [Option<&Front>; 2]>::new();
    for front in fronts {
        pairs.entry(front.asks).or_default()[usize::from(front.gateway)] = Some(front);
        look(front, &mut found.stream, marks);
    }
    let mut kept = Vec::new();
    for pair in pairs.values() {
        match pair {
            [Some(direct), Some(gateway)] => {
                let flaws = [flaw(direct, marks), flaw(gateway, marks)];
                if flaws == [None, None] {
                    kept.push([*direct, *gateway]);
                } else {
                    if flaws[0].is_none() && flaws[1] == Some(Flaw::Failed) {
                        failed_stream(gateway, &mut found.stream, marks);
                    }
                    found.pairs.drop(flaws);
                }
            }
            _ => found.pairs.drop([Some(Flaw::Alone), None]),
        }
    }
    let mut times = Times::default();
    for (place, pair) in kept.iter().enumerate() {
        let block = place * BLOCKS / kept.len();
        for front in pair {
            times.push(block, front, truth_of(front, marks));
        }
    }
    found.pairs.kept = kept.len() as u64;
    let sides = AddedTime::ALL.into_iter().zip(&times.0);
    found.added = sides
        .filter_map(|(time, [direct, gateway])| added::added(time, gateway, direct))
        .collect();
    found.stream.judge();
    through(&mut found, fronts);
    found
}

/// How much went through the gateway, and when.
fn through(found: &mut LevelFound, fronts: &[&Front]) {
    let through = fronts
        .iter()
        .filter(|front| front.gateway && front.sent.is_some());
    let begin = fronts.iter().filter_map(|front| front.sent).min();
    let end = fronts.iter().filter_map(|front| front.end).max();
    found.through = through.clone().count() as u64;
    let ok = through.filter(|front| front.outcome == Outcome::Ok).count();
    if let Some((begin, end)) = begin.zip(end).filter(|(begin, end)| begin < end) {
        found.span = Some((begin, end));
        found.through_per_s = ok as f64 * 1e9 / (end - begin) as f64;
    }
}

/// Looks at a stream that came to its end.
fn look(front: &Front, stream: &mut Fidelity, marks: Option<&Marks<'_>>) {
    let ended = front.stream && front.outcome == Outcome::Ok;
    let truth = truth_of(front, marks).filter(|truth| truth.whole && ended);
    let Some(truth) = truth else { return };
    let look = Look::at(front, truth);
    if front.gateway {
        stream.add(&look);
    } else {
        stream.add_direct(&look);
    }
}

/// A stream that failed through the gateway and not past it is the gateway's doing, unless the provider
/// was scripted to fail it, or the client gave up.
fn failed_stream(front: &Front, stream: &mut Fidelity, marks: Option<&Marks<'_>>) {
    let ours = matches!(
        front.outcome,
        Outcome::Cancelled | Outcome::Shed | Outcome::ClientLimit | Outcome::Timeout(_)
    );
    let all = marks.and_then(|marks| marks.get(&front.key));
    let faulty = all.is_some_and(|all| all.iter().any(|one| one.truth.fault.is_some()));
    if marks.is_some() && front.stream && !ours && !faulty {
        stream.add_failed();
    }
}

/// The gateway's own word beside what was measured of the same requests.
fn claim(through: &[&Front], marks: Option<&Marks<'_>>) -> Option<Claim> {
    let clean = through.iter().filter(|front| flaw(front, marks).is_none());
    let both = clean.filter_map(|front| {
        let around = Around::of(front, truth_of(front, marks));
        let measured = around.ttft.or(around.plain)?;
        Some((
            front.claimed?.as_nanos() as f64 / 1e6,
            measured as f64 / 1e6,
        ))
    });
    let (mut claimed, mut measured): (Vec<f64>, Vec<f64>) = both.unzip();
    let middle = |all: &mut Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    };
    (!claimed.is_empty()).then(|| Claim {
        n: claimed.len() as u64,
        claimed_p50_ms: middle(&mut claimed),
        measured_p50_ms: middle(&mut measured),
    })
}
