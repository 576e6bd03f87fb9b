//! What an NTCIP controller tells beside its signals, for people: its module and what it is commissioned
//! by, its coordination, its clock.

use std::sync::Arc;

use clearway_feeds::adapter::WallClock;
use clearway_ntcip::adapter::FactsSink;
use clearway_ntcip::{Coordination, ExitType, Facts};

use super::board::{Board, SiteReport};
use super::sites::Reach;
use crate::api::frame::{CoordinationDoc, ExitDoc, UnitDoc};

/// A clock that is further off is worth a sentence, seconds: a unit says whole ones, and late.
const CLOCK_OFF_S: i64 = 2;
/// Patterns that are none (NTCIP 1202, coordPatternStatus).
const PATTERN_FREE: u8 = 254;
const PATTERN_FLASH: u8 = 255;

/// The same sites, whose NTCIP controllers tell the board about themselves.
pub(super) fn told_to(mut reaches: Vec<Reach>, board: &Arc<Board>, wall: &WallClock) -> Vec<Reach> {
    let (board, wall) = (Arc::clone(board), Arc::clone(wall));
    let sink: FactsSink = Arc::new(move |controller, facts| {
        board.site_reports(controller, report(facts, wall().0));
    });
    reaches.iter_mut().for_each(|reach| reach.ntcip.facts = Some(Arc::clone(&sink)));
    reaches
}

fn report(facts: &Facts, now_unix_ms: i64) -> SiteReport {
    let clock_offset_s = facts.clock_epoch_s.map(|epoch_s| i64::from(epoch_s) - now_unix_ms.div_euclid(1000));
    let identity = &facts.identity;
    let exits = facts.exits.iter().map(|(row, exit)| ExitDoc { row: *row, exit: exit_word(*exit) });
    let unit = UnitDoc {
        make: identity.make.clone(),
        model: identity.model.clone(),
        version: identity.version.clone(),
        checksum: identity.checksum.to_string(),
        commission: identity.to_string(),
        max_preempts: facts.max_preempts,
        exits: exits.collect(),
        coordination: facts.coordination.map(coordination),
        clock_offset_s,
    };
    let condition = facts.coordination.map(condition).into_iter().collect();
    SiteReport { condition, remarks: remarks(&unit), unit: Some(unit), ..SiteReport::default() }
}

fn coordination(told: Coordination) -> CoordinationDoc {
    CoordinationDoc {
        pattern: told.pattern,
        free: free_word(told.free),
        cycle_left_s: told.cycle_left_s,
        cycle_position_s: told.cycle_position_s,
    }
}

fn condition(told: Coordination) -> &'static str {
    match told.pattern {
        PATTERN_FLASH => "flash pattern",
        PATTERN_FREE => "free",
        _ if told.free == 2 => "coordinated",
        _ => free_word(told.free),
    }
}

/// Why a unit runs free (NTCIP 1202, localFreeStatus).
const fn free_word(code: u8) -> &'static str {
    match code {
        2 => "not free",
        3 => "free by command",
        4 => "free in transition",
        5 => "free by input",
        6 => "free: the pattern has no coordination",
        7 => "free: bad plan",
        8 => "free: bad cycle time",
        9 => "free: splits overrun the cycle",
        10 => "free: bad offset",
        11 => "free: coordination failed",
        _ => "free for another reason",
    }
}

const fn exit_word(exit: ExitType) -> &'static str {
    match exit {
        ExitType::ExitPhases => "exit phases",
        ExitType::QueueDelayRecovery => "queue delay recovery",
        ExitType::ShortService => "short service",
        ExitType::ExitCoord => "back to coordination",
    }
}

/// Sentences that change seldom.
fn remarks(unit: &UnitDoc) -> Vec<String> {
    let module = format!("The unit is {} {}, version {}.", unit.make, unit.model, unit.version);
    let pattern = unit.coordination.as_ref().map(|told| told.pattern);
    let pattern = pattern.filter(|pattern| (1..PATTERN_FREE).contains(pattern));
    let clock = unit.clock_offset_s.filter(|offset_s| offset_s.abs() >= CLOCK_OFF_S).map(|offset_s| {
        let way = if offset_s < 0 { "behind" } else { "ahead" };
        format!("Its clock is {} s {way}.", offset_s.abs())
    });
    let pattern = pattern.map(|pattern| format!("It runs pattern {pattern}."));
    [Some(module), pattern, clock].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use clearway_ntcip::Commissioned;

    use super::*;

    const NOW_S: u32 = 1_772_359_200;

    fn facts(coordination: Coordination, clock_epoch_s: u32) -> Facts {
        let identity = Commissioned {
            make: "Acme".into(),
            model: "X".into(),
            version: "2.66".into(),
            ..Commissioned::default()
        };
        Facts {
            identity,
            max_preempts: Some(8),
            exits: vec![(3, ExitType::ExitCoord)],
            coordination: Some(coordination),
            clock_epoch_s: Some(clock_epoch_s),
        }
    }

    #[test]
    fn a_unit_is_told_with_the_line_that_commissions_it() {
        let runs = Coordination { pattern: 3, free: 2, cycle_left_s: 30, cycle_position_s: 60 };
        let told = report(&facts(runs, NOW_S), i64::from(NOW_S) * 1000 + 900);
        let unit = told.unit.expect("a unit");
        assert_eq!(unit.clock_offset_s, Some(0));
        assert!(unit.commission.starts_with("ntcip = { make = \"Acme\""), "{}", unit.commission);
        assert_eq!(unit.exits, [ExitDoc { row: 3, exit: "back to coordination" }]);
        assert_eq!(told.condition, ["coordinated"]);
        assert_eq!(told.remarks, ["The unit is Acme X, version 2.66.", "It runs pattern 3."]);
    }

    #[test]
    fn a_unit_that_runs_free_and_a_clock_that_is_off_are_said() {
        let free = Coordination { pattern: 254, free: 5, ..Coordination::default() };
        let told = report(&facts(free, NOW_S - 7), i64::from(NOW_S) * 1000);
        assert_eq!(told.condition, ["free"]);
        assert_eq!(told.remarks[1..], ["Its clock is 7 s behind."]);
        let bad = Coordination { pattern: 4, free: 9, ..Coordination::default() };
        assert_eq!(report(&facts(bad, NOW_S), 0).condition, ["free: splits overrun the cycle"]);
    }
}
