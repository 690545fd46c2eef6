//! A against A, for a terminal.

use crate::judge::Calibration;

/// How often a comparison errs where nothing differs, and how much it takes for change.
pub fn calibration(of: &Calibration) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut out = format!(
        "A against A: of {} deals of the labels within their slices\n  {} failed (false alarms), {} passed, {} could not tell\n",
        of.deals,
        percent(of.false_alarms),
        percent(of.passed),
        percent(of.inconclusive)
    );
    for floor in &of.floors {
        out += &format!(
            "  {}({}) changed by up to {} in 19 of 20: a margin of {} or more is well above this noise\n",
            floor.stat,
            floor.metric,
            percent(floor.floor),
            percent(floor.floor * 2.5)
        );
    }
    out
}
