//! What the figures are worth: is a run to be trusted? Pure: it works on the figures alone.

mod comparison;
mod gate;
mod reconcile;
mod sandwich;
mod selftest;
mod shares;
mod validity;
mod verdict;

pub use comparison::Evidence as FigureEvidence;
pub use comparison::{
    Aim, ArmComparison, Calibration, Comparison, Design, Figure, FigureComparison, Floor, Judged,
    MetricComparison, Ranked, Ranking, Row, Settings, Stat, calibrate, compare_arms, detectable,
    look, pocock, requests_needed,
};
pub use gate::{
    Baseline, Difference, Ending, Evidence, Finding, GATE_SCHEMA, Gate, GatedRun, Unit,
    fails_clearly, gate,
};
pub use reconcile::{
    Against, CacheLogged, CostDifference, Disagree, Joined, Joiner, Key, LogRead, LogRows, Logged,
    RECONCILE_SCHEMA, Reconciled, Seen, Side, Spread, SpreadQuantile, TokenDifference,
};
pub use sandwich::{
    Added, AddedStat, AddedTime, Claim, Fidelity, Front, GatewayFacts, Level as LoadLevel,
    LevelFound, OVERHEAD_SCHEMA, Overhead, Pairs, Provided, RateLimit, Sandwich, Upstream,
    UpstreamShare, Used,
};
pub use selftest::{Certificate, Clocks, Errors, Load, Measured, Round, SELFTEST_SCHEMA, compare};
pub use shares::{ShareFound, ShareVerdict, SharesFound, shares};
pub use validity::{Check, Course, Health, Held, Level, Stalls, Validity, validity};
pub use verdict::Verdict;
