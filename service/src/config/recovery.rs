//! `[policy.recovery]`: how controllers come back into their plans after a preemption, as they are
//! configured. Nothing of it is ever sent; the planner predicts with it when they are back.

use clearway_planner::recovery::{Exit, Method, Recovery};
use schemars::JsonSchema;
use serde::Deserialize;

use super::millis;

/// How controllers recover.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecoveryEntry {
    /// By which method they make good what they are behind their clock.
    pub method: MethodEntry,
    /// So much faster than its clock a plan runs, per cent, 0.1 to 50: `subtract` and `short_way`.
    pub faster_pct: f64,
    /// So much slower, per cent, 0.1 to 50: `add` and `short_way`.
    pub slower_pct: f64,
    /// Where in the cycle it rests, seconds, 0 to 600: `dwell`.
    pub rest_at_s: f64,
    /// How long at most in one cycle, seconds, 1 to 600: `dwell`.
    pub rest_max_s: f64,
    /// Where they take their plans up again.
    pub exit: ExitEntry,
    /// The second of the cycle, 0 to 600: `position`.
    pub exit_at_s: f64,
    /// They go back no further than they make good in so many cycles, 1 to 10: `fewest_late`.
    pub exit_cycles: u8,
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodEntry {
    /// Rest at one second of the cycle.
    Dwell,
    /// Run slower: splits are lengthened.
    Add,
    /// Run faster: splits are shortened.
    Subtract,
    /// Whichever of the two is quicker.
    ShortWay,
}

/// Where a plan is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExitEntry {
    /// Where the clock stands.
    Clock,
    /// At a fixed second of the cycle: the start of the exit phases.
    Position,
    /// As far back as the fewest groups lose a green that has begun.
    FewestLate,
}

impl Default for RecoveryEntry {
    fn default() -> Self {
        Self {
            method: MethodEntry::Subtract,
            faster_pct: 12.0,
            slower_pct: 17.0,
            rest_at_s: 0.0,
            rest_max_s: 60.0,
            exit: ExitEntry::FewestLate,
            exit_at_s: 0.0,
            exit_cycles: 2,
        }
    }
}

impl RecoveryEntry {
    /// As the planner takes it.
    #[must_use]
    pub fn planner(&self) -> Recovery {
        let (faster, slower) = (permille(self.faster_pct), permille(self.slower_pct));
        let method = match self.method {
            MethodEntry::Dwell => {
                Method::Dwell { at: millis(self.rest_at_s), in_a_cycle_max: millis(self.rest_max_s) }
            }
            MethodEntry::Add => Method::Add { permille: slower },
            MethodEntry::Subtract => Method::Subtract { permille: faster },
            MethodEntry::ShortWay => Method::ShortWay { add_permille: slower, subtract_permille: faster },
        };
        let exit = match self.exit {
            ExitEntry::Clock => Exit::Clock,
            ExitEntry::Position => Exit::At(millis(self.exit_at_s)),
            ExitEntry::FewestLate => Exit::FewestLate { cycles: self.exit_cycles },
        };
        Recovery { exit, method }
    }
}

/// Thousandths of a rate in per cent.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Saturates; ranges are checked.
fn permille(percent: f64) -> u16 {
    (percent * 10.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_the_planners_default() {
        assert_eq!(RecoveryEntry::default().planner(), Recovery::default());
        let entry: RecoveryEntry = toml::from_str("method = \"short_way\"\nexit = \"clock\"").unwrap();
        let method = Method::ShortWay { add_permille: 170, subtract_permille: 120 };
        assert_eq!(entry.planner(), Recovery { exit: Exit::Clock, method });
    }
}
