//! From the numbers of the tables to the integers of the engine.

use clearway_network::Uses;
use clearway_signals::{GroupId, GroupSet, Millis};

/// Seconds to milliseconds, rounded; what is no number becomes zero.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as i64)
}

/// Metres to millimetres, rounded, clamped to what 32 bits hold.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn millimetres(metres: f64) -> u32 {
    (metres * 1000.0).round() as u32
}

/// The uses that a cell lists; unknown words count for nothing.
pub(crate) fn uses(text: &str) -> Uses {
    let listed = text.split(',').fold(Uses::NONE, |set, word| match word {
        "car" => set.union(Uses::CAR),
        "bus" => set.union(Uses::BUS),
        "tram" => set.union(Uses::TRAM),
        "bicycle" => set.union(Uses::BICYCLE),
        "foot" => set.union(Uses::FOOT),
        "emergency" => set.union(Uses::EMERGENCY),
        _ => set,
    });
    if listed.allow(Uses::CAR) { listed.union(Uses::EMERGENCY) } else { listed }
}

/// The numbers that a cell lists; what is no number is left out.
pub(crate) fn numbers(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.split_whitespace().filter_map(|word| word.parse().ok())
}

/// Group numbers, from 1, as the set of groups, from 0.
pub(crate) fn group_set(text: &str) -> GroupSet {
    numbers(text).filter_map(group_id).collect()
}

/// The group of a number, from 1.
pub(crate) fn group_id(number: u8) -> Option<GroupId> {
    number.checked_sub(1).map(GroupId)
}
