//! The statuses, S0001 to S0208.

use super::{Argument, Entry, INTERSECTIONS, SOURCE, Scope, Type, arg};
use crate::version::Sxl;

const fn of(scope: Scope, code: &'static str, since: Sxl, arguments: &'static [Argument]) -> Entry {
    Entry { code, scope, since, until: None, command: "", security: 0, priority: 0, arguments }
}

const fn status(code: &'static str, since: Sxl, arguments: &'static [Argument]) -> Entry {
    of(Scope::Controller, code, since, arguments)
}

const STATE_OF_INTERSECTIONS: &[Argument] = &[
    arg("intersection", INTERSECTIONS),
    arg("status", Type::Booleans),
    arg("source", SOURCE).since(Sxl::V1_1),
];
const NUMBER: &[Argument] = &[arg("number", Type::Integer(0, 65_025))];
const TEXT: &[Argument] = &[arg("status", Type::Text)];
const USER_OLD: &[&str] = &["login", "logout"];
const USER: &[Argument] = &[
    arg("user", Type::Text).until(Sxl::V1_0_15),
    arg("status", Type::Word(USER_OLD)).until(Sxl::V1_0_15),
    arg("user", Type::Integer(0, 2)).since(Sxl::V1_1),
];
const COUNTS: Type = Type::Integers(-1, 65_535);
const COUNT: Type = Type::Integer(0, 65_535);
const ORIGIN: [Argument; 2] = [arg("start", Type::Timestamp), arg("starttime", Type::Timestamp)];

const CLASSES: &[Argument] = &[
    ORIGIN[0],
    arg("P", COUNTS),
    arg("PS", COUNTS),
    arg("L", COUNTS),
    arg("LS", COUNTS),
    arg("B", COUNTS),
    arg("SP", COUNTS),
    arg("MC", COUNTS),
    arg("C", COUNTS),
    arg("F", COUNTS),
];
const CLASSES_OF_ONE: &[Argument] = &[
    ORIGIN[1],
    arg("P", COUNT),
    arg("PS", COUNT),
    arg("L", COUNT),
    arg("LS", COUNT),
    arg("B", COUNT),
    arg("SP", COUNT),
    arg("MC", COUNT),
    arg("C", COUNT),
    arg("F", COUNT),
];

/// The statuses, by code.
pub const STATUSES: &[Entry] = &[
    status(
        "S0001",
        Sxl::V1_0_7,
        &[
            arg("signalgroupstatus", Type::Text),
            arg("cyclecounter", Type::Integer(0, 999)),
            arg("basecyclecounter", Type::Integer(0, 999)),
            arg("stage", Type::Integer(0, 999)),
        ],
    ),
    status("S0002", Sxl::V1_0_7, &[arg("detectorlogicstatus", Type::Text)]),
    status(
        "S0003",
        Sxl::V1_0_7,
        &[arg("inputstatus", Type::Text), arg("extendedinputstatus", Type::Text).until(Sxl::V1_1)],
    ),
    status(
        "S0004",
        Sxl::V1_0_7,
        &[arg("outputstatus", Type::Text), arg("extendedoutputstatus", Type::Text).until(Sxl::V1_1)],
    ),
    status(
        "S0005",
        Sxl::V1_0_7,
        &[arg("status", Type::Boolean), arg("statusByIntersection", Type::Array).since(Sxl::V1_2)],
    ),
    status(
        "S0006",
        Sxl::V1_0_7,
        &[arg("status", Type::Boolean), arg("emergencystage", Type::Integer(0, 255))],
    ),
    status("S0007", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0008", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0009", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0010", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0011", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0012", Sxl::V1_0_7, STATE_OF_INTERSECTIONS),
    status("S0013", Sxl::V1_0_7, &[arg("intersection", INTERSECTIONS), arg("status", Type::Integers(0, 3))]),
    status(
        "S0014",
        Sxl::V1_0_7,
        &[arg("status", Type::Integer(0, 255)), arg("source", SOURCE).since(Sxl::V1_1)],
    ),
    status(
        "S0015",
        Sxl::V1_0_7,
        &[arg("status", Type::Integer(0, 255)), arg("source", SOURCE).since(Sxl::V1_1)],
    ),
    status("S0016", Sxl::V1_0_7, NUMBER),
    status("S0017", Sxl::V1_0_7, NUMBER),
    Entry { until: Some(Sxl::V1_1), ..status("S0018", Sxl::V1_0_7, NUMBER) },
    status("S0019", Sxl::V1_0_7, NUMBER),
    status(
        "S0020",
        Sxl::V1_0_7,
        &[
            arg("intersection", INTERSECTIONS),
            arg("controlmode", Type::Words(&["startup", "control", "standby", "failure", "test"])),
        ],
    ),
    status("S0021", Sxl::V1_0_7, &[arg("detectorlogics", Type::Text)]),
    status("S0022", Sxl::V1_0_13, TEXT),
    status("S0023", Sxl::V1_0_13, TEXT),
    status("S0024", Sxl::V1_0_13, TEXT),
    of(
        Scope::SignalGroup,
        "S0025",
        Sxl::V1_0_7,
        &[
            arg("minToGEstimate", Type::Timestamp),
            arg("maxToGEstimate", Type::Timestamp),
            arg("likelyToGEstimate", Type::Timestamp),
            arg("ToGConfidence", Type::Integer(0, 100)),
            arg("minToREstimate", Type::Timestamp),
            arg("maxToREstimate", Type::Timestamp),
            arg("likelyToREstimate", Type::Timestamp),
            arg("ToRConfidence", Type::Integer(0, 100)),
        ],
    ),
    status("S0026", Sxl::V1_0_13, TEXT),
    status("S0027", Sxl::V1_0_13, TEXT),
    status("S0028", Sxl::V1_0_13, TEXT),
    status("S0029", Sxl::V1_0_13, TEXT),
    status("S0030", Sxl::V1_0_15, TEXT),
    status("S0031", Sxl::V1_0_15, TEXT),
    status(
        "S0032",
        Sxl::V1_1,
        &[
            arg("intersection", INTERSECTIONS),
            arg("status", Type::Words(&["local", "centralized", "off"])),
            arg("source", SOURCE),
        ],
    ),
    status("S0033", Sxl::V1_1, &[arg("status", Type::Array)]),
    status("S0034", Sxl::V1_1, &[arg("status", COUNT)]),
    status("S0035", Sxl::V1_2, &[arg("emergencyroutes", Type::Array)]),
    status("S0091", Sxl::V1_0_7, USER),
    status("S0092", Sxl::V1_0_7, USER),
    status("S0095", Sxl::V1_0_7, TEXT),
    status(
        "S0096",
        Sxl::V1_0_7,
        &[
            arg("year", Type::Integer(0, 9_999)),
            arg("month", Type::Integer(1, 12)),
            arg("day", Type::Integer(1, 31)),
            arg("hour", Type::Integer(0, 23)),
            arg("minute", Type::Integer(0, 59)),
            arg("second", Type::Integer(0, 59)),
        ],
    ),
    status("S0097", Sxl::V1_0_15, &[arg("checksum", Type::Text), arg("timestamp", Type::Timestamp)]),
    status(
        "S0098",
        Sxl::V1_0_15,
        &[arg("config", Type::Base64), arg("timestamp", Type::Timestamp), arg("version", Type::Text)],
    ),
    of(Scope::DetectorLogic, "S0201", Sxl::V1_0_7, &[ORIGIN[1], arg("vehicles", COUNT)]),
    of(Scope::DetectorLogic, "S0202", Sxl::V1_0_7, &[ORIGIN[1], arg("speed", COUNT)]),
    of(Scope::DetectorLogic, "S0203", Sxl::V1_0_7, &[ORIGIN[1], arg("occupancy", Type::Integer(0, 100))]),
    of(Scope::DetectorLogic, "S0204", Sxl::V1_0_7, CLASSES_OF_ONE),
    status("S0205", Sxl::V1_0_14, &[ORIGIN[0], arg("vehicles", COUNTS)]),
    status("S0206", Sxl::V1_0_14, &[ORIGIN[0], arg("speed", COUNTS)]),
    status("S0207", Sxl::V1_0_14, &[ORIGIN[0], arg("occupancy", Type::Integers(-1, 100))]),
    status("S0208", Sxl::V1_0_14, CLASSES),
];
