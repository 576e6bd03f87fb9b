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
