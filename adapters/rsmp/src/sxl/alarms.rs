//! The alarms, A0001 to A0304. All are technical (category D).

use super::{Argument, Entry, Scope, Type, arg};
use crate::version::Sxl;

const fn alarm(
    code: &'static str,
    scope: Scope,
    since: Sxl,
    priority: u8,
    arguments: &'static [Argument],
) -> Entry {
    Entry { code, scope, since, until: None, command: "", security: 0, priority, arguments }
}

const LAMP: &[Argument] = &[arg("color", Type::Word(&["red", "yellow", "green"]))];
const DETECTOR: &[Argument] = &[
    arg("detector", Type::Text),
    arg("type", Type::Word(&["loop", "input"])),
    arg("errormode", Type::Word(&["on", "off"])),
    arg("manual", Type::Boolean),
];
const LOGIC: &[Argument] = &[
    arg("detector", Type::Text),
    arg("type", Type::Word(&["loop", "input"])),
    arg("errormode", Type::Word(&["on", "off"])),
    arg("manual", Type::Boolean),
    arg("logicerror", Type::Word(&["always_off", "always_on", "intermittent"])),
];

/// The alarms, by code.
pub const ALARMS: &[Entry] = &[
    alarm("A0001", Scope::Controller, Sxl::V1_0_7, 2, &[]),
    alarm("A0002", Scope::Controller, Sxl::V1_0_7, 3, &[]),
    alarm("A0003", Scope::Controller, Sxl::V1_0_7, 2, &[]),
    alarm("A0004", Scope::Controller, Sxl::V1_0_7, 3, &[]),
    alarm("A0005", Scope::Controller, Sxl::V1_0_7, 3, &[]),
    alarm("A0006", Scope::Controller, Sxl::V1_0_7, 2, &[]),
    alarm(
        "A0007",
        Scope::Controller,
        Sxl::V1_0_7,
        3,
        &[arg("protocol", Type::Word(&["rsmp", "ntp"])).since(Sxl::V1_1)],
    ),
    alarm("A0008", Scope::SignalGroup, Sxl::V1_0_7, 2, &[arg("timeplan", Type::Integer(1, 255))]),
    alarm("A0009", Scope::Controller, Sxl::V1_0_7, 3, &[]),
    alarm("A0010", Scope::Controller, Sxl::V1_0_15, 3, &[]),
    alarm("A0101", Scope::SignalGroup, Sxl::V1_0_7, 3, &[]),
    alarm("A0201", Scope::SignalGroup, Sxl::V1_0_7, 2, LAMP),
    alarm("A0202", Scope::SignalGroup, Sxl::V1_0_7, 3, LAMP),
    alarm("A0301", Scope::DetectorLogic, Sxl::V1_0_7, 3, DETECTOR),
    alarm("A0302", Scope::DetectorLogic, Sxl::V1_0_7, 3, LOGIC),
    alarm("A0303", Scope::DetectorLogic, Sxl::V1_1, 2, DETECTOR),
    alarm("A0304", Scope::DetectorLogic, Sxl::V1_1, 2, LOGIC),
];

/// What an alarm means, in a few words of ours; empty for codes that the list does not have.
#[must_use]
pub fn alarm_text(code: &str) -> &'static str {
    match code {
        "A0001" => "serious hardware fault, the controller is in failure mode",
        "A0002" => "minor hardware fault",
        "A0003" => "serious configuration fault, the controller is in failure mode",
        "A0004" => "minor configuration fault",
        "A0005" => "coordination lost",
        "A0006" => "safety fault, the controller is in failure mode",
        "A0007" => "no communication with a supervisor or time server",
        "A0008" => "a signal group waits for green and gets none",
        "A0009" => "another fault",
        "A0010" => "door open",
        "A0101" => "push button faulty",
        "A0201" => "serious lamp fault, the controller is in failure mode",
        "A0202" => "minor lamp fault",
        "A0301" => "detector faulty",
        "A0302" => "detector reports nonsense",
        "A0303" => "detector faulty, the controller is in failure mode",
        "A0304" => "detector reports nonsense, the controller is in failure mode",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_has_words() {
        assert!(ALARMS.iter().all(|alarm| !alarm_text(alarm.code).is_empty()));
    }
}
