//! The conformance statement of the adapter, made from its own table of objects.
//!
//! What a unit must serve is stated as this project needs it, not as the standard's groups have it:
//! an object without which nothing is written to the unit is required.

use std::fmt::Write;

use crate::frame::{Access, Instance, Name, OBJECTS, Object};

/// What objects are for, who needs them, and the test that holds it. The first that fits counts.
struct Use {
    /// Beginnings of names.
    names: &'static [&'static str],
    purpose: &'static str,
    need: Need,
    test: &'static str,
}

/// How much a unit must serve an object.
#[derive(Clone, Copy)]
enum Need {
    /// Without it the unit is not armed.
    Required,
    /// Required of units with a priority channel.
    Priority,
    /// Required where the binding shows groups there.
    Bound,
    /// Used where it is served.
    Optional,
}

impl Need {
    const fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Priority => "with priority",
            Self::Bound => "where bound",
            Self::Optional => "optional",
        }
    }
}

const fn uses(names: &'static [&'static str], purpose: &'static str, need: Need, test: &'static str) -> Use {
    Use { names, purpose, need, test }
}

const USES: [Use; 19] = [
    uses(
        &["sysUpTime"],
        "a restart is noticed",
        Need::Optional,
        "an_answer_that_lacks_an_object_is_a_failure",
    ),
    uses(
        &["globalModuleTable"],
        "arming: identity",
        Need::Required,
        "a_controller_without_our_hash_arms_by_what_it_was_at_commissioning",
    ),
    uses(
        &["maxUserDefinedBackupTimeContent", "unitUserDefinedBackupTimeContentOID"],
        "arming: dead-man timer, where the user-defined one is on",
        Need::Optional,
        "the_user_defined_timer_replaces_the_other_where_its_list_holds_our_calls",
    ),
    uses(
        &["unitBackupTime", "unitUserDefinedBackupTime"],
        "arming: dead-man timer",
        Need::Required,
        "each_required_object_that_a_unit_does_not_serve_keeps_it_unarmed_by_name",
    ),
    uses(
        &["unitControl", "unitFlashStatus"],
        "arming and status: mode",
        Need::Required,
        "flash_manual_and_backup_are_told_from_the_status_words",
    ),
    uses(
        &["globalTime"],
        "arming: clock, where times are sent",
        Need::Priority,
        "clock_off_where_requests_carry_it",
    ),
    uses(
        &["coord", "localFree"],
        "facts for the page",
        Need::Optional,
        "identity_coordination_exit_and_clock_are_noted",
    ),
    uses(
        &["phaseTable"],
        "arming: entry intervals",
        Need::Required,
        "each_required_object_that_a_unit_does_not_serve_keeps_it_unarmed_by_name",
    ),
    uses(&["phaseStatusGroup"], "status: groups", Need::Bound, "bit_zero_of_group_two_is_phase_nine"),
    uses(
        &["channelStatusGroup", "overlapStatusGroup"],
        "status: groups",
        Need::Bound,
        "groups_are_read_where_the_binding_shows_them",
    ),
    uses(
        &["vehicleDetector", "volumeOccupancy", "detectorVolume"],
        "queues",
        Need::Optional,
        "detectors_show_occupancy_and_the_last_volume",
    ),
    uses(
        &["detectorOccupancy"],
        "queues",
        Need::Optional,
        "a_detector_is_stood_upon_when_it_stays_occupied_and_a_faulty_one_says_nothing",
    ),
    uses(
        &["preemptExitType"],
        "facts for the page",
        Need::Optional,
        "identity_coordination_exit_and_clock_are_noted",
    ),
    uses(
        &["preemptState"],
        "status: what is served",
        Need::Required,
        "each_required_object_that_a_unit_does_not_serve_keeps_it_unarmed_by_name",
    ),
    uses(
        &["preemptControlState"],
        "call, release and read-back",
        Need::Required,
        "n1_only_calls_and_priority_requests_are_ever_written",
    ),
    uses(
        &["preempt", "maxPreempts"],
        "arming: request rows",
        Need::Required,
        "each_required_object_that_a_unit_does_not_serve_keeps_it_unarmed_by_name",
    ),
    uses(
        &["prgPriorityRequestAbsolute", "prgPriorityUpdateAbsolute"],
        "priority request with the wall clock, where the profile says so",
        Need::Optional,
        "the_absolute_variants_carry_the_wall_clock",
    ),
    uses(
        &["prgPriorityStatus"],
        "priority request: queued, granted, over",
        Need::Priority,
        "each_of_the_fifteen_states_of_a_request_is_read",
    ),
    uses(
        &["prgPriority"],
        "priority request",
        Need::Priority,
        "a_priority_request_is_made_updated_cancelled_cleared_and_made_anew",
    ),
];

fn use_of(object: &Object) -> Option<&'static Use> {
    USES.iter().find(|known| known.names.iter().any(|name| object.name.starts_with(name)))
}

/// Whether a unit that does not serve an object is never armed. Objects that are only written show their
/// absence when they are.
#[cfg(test)]
pub(crate) fn is_required(object: &Object) -> bool {
    let need = use_of(object).map(|known| known.need);
    object.access != Access::Write && matches!(need, Some(Need::Required | Need::Priority))
}

/// The statement, in Markdown.
#[must_use]
pub fn statement() -> String {
    let mut text = String::from(
        "# NTCIP: conformance statement of the adapter\n\n\
         Made from the code's own table of objects; a test compares it (`UPDATE_EXPECT=1` renews it). NTCIP 1202 v01, v02 and v03,\n\
         1201 and 1211 over SNMP 1, 2c and 3; P is 1.3.6.1.4.1.1206.4.2. *Required*: a unit that does not serve the object is never written to,\n\
         unless its profile says by name what stands in the object's place ([ntcip-profiles.md](../ntcip-profiles.md)); what a version of\n\
         1202 does not have is not asked of a unit of that version. Nothing that is not in this table is ever read or written. What the emulated controllers serve: [ntcip-objects.md](../ntcip-objects.md).\n\n\
         | object | OID | instance | range or length | we | the unit must | for | test |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for object in OBJECTS {
        let (purpose, need, test) = match use_of(object) {
            Some(known) => (known.purpose, known.need.word(), known.test),
            None => ("–", "–", "–"),
        };
        let (low, high) = object.range;
        let range = if low == high { low.to_string() } else { format!("{low} to {high}") };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {range} | {} | {need} | {purpose} | `{test}` |",
            object.name,
            oid(object),
            instance(object.instance),
            access(object.access),
        );
    }
    text
}

fn oid(object: &Object) -> String {
    let name: Name = object.at(&[]);
    let whole = name.to_string();
    whole.strip_prefix("1.3.6.1.4.1.1206.4.2.").map_or(whole.clone(), |below| format!("P.{below}"))
}

const fn instance(instance: Instance) -> &'static str {
    match instance {
        Instance::Scalar => "scalar",
        Instance::Row => "row",
        Instance::Eight => "group of eight",
    }
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::ReadWrite => "read and write",
        Access::Write => "write",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clearway_contract::kit::sources::Sources;

    use super::*;

    #[test]
    fn the_statement_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance/ntcip.md");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, statement()).expect("writable");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == statement(),
            "docs/conformance/ntcip.md is not what the code says: UPDATE_EXPECT=1 renews it"
        );
    }

    #[test]
    fn every_object_has_a_use_and_every_use_a_test_that_exists() {
        for object in OBJECTS {
            assert!(use_of(object).is_some(), "{}", object.name);
        }
        let sources = Sources::of(&["adapters/ntcip/src", "sim/field/src/faces/ntcip"]);
        assert_eq!(sources.missing(USES.iter().map(|known| known.test)), [""; 0]);
    }
}
