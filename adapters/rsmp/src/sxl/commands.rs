//! The commands, M0001 to M0104.

use super::{Argument, Entry, Scope, Type, arg};
use crate::version::Sxl;

const fn command(
    code: &'static str,
    since: Sxl,
    command: &'static str,
    security: u8,
    arguments: &'static [Argument],
) -> Entry {
    let scope = Scope::Controller;
    Entry { code, scope, since, until: None, command, security, priority: 0, arguments }
}

const CODE: Argument = arg("securityCode", Type::Text);
const NUMBER: Type = Type::Integer(1, 255);
const BYTE: Type = Type::Integer(0, 255);
const ON_OFF: &[Argument] = &[arg("status", Type::Boolean), CODE];
const TEXT: &[Argument] = &[arg("status", Type::Text), CODE];
const POSITIONS: &[&str] = &["NormalControl", "YellowFlash", "Dark"];
const VEHICLES: &[&str] = &[
    "pedestrian",
    "bicycle",
    "motorcycle",
    "car",
    "bus",
    "lightTruck",
    "heavyTruck",
    "tram",
    "emergency",
    "safetyCar",
    "specialTransport",
    "other",
];

/// The commands, by code.
pub const COMMANDS: &[Entry] = &[
    command(
        "M0001",
        Sxl::V1_0_7,
        "setValue",
        2,
        &[
            arg("status", Type::Words(POSITIONS)),
            CODE,
            arg("timeout", Type::Integer(0, 1_440)),
            arg("intersection", Type::Integers(0, 255)),
        ],
    ),
    command(
        "M0002",
        Sxl::V1_0_7,
        "setPlan",
        2,
        &[arg("status", Type::Boolean), CODE, arg("timeplan", NUMBER)],
    ),
    command(
        "M0003",
        Sxl::V1_0_7,
        "setTrafficSituation",
        2,
        &[arg("status", Type::Boolean), CODE, arg("traficsituation", NUMBER)],
    ),
    command("M0004", Sxl::V1_0_7, "setRestart", 2, ON_OFF),
    command(
        "M0005",
        Sxl::V1_0_7,
        "setEmergency",
        2,
        &[arg("status", Type::Boolean), CODE, arg("emergencyroute", NUMBER)],
    ),
    command("M0006", Sxl::V1_0_7, "setInput", 2, &[arg("status", Type::Boolean), CODE, arg("input", NUMBER)]),
    command("M0007", Sxl::V1_0_7, "setFixedTime", 2, ON_OFF),
    Entry {
        scope: Scope::DetectorLogic,
        ..command(
            "M0008",
            Sxl::V1_0_7,
            "setForceDetectorLogic",
            2,
            &[arg("status", Type::Boolean), CODE, arg("mode", Type::Boolean)],
        )
    },
    Entry { scope: Scope::SignalGroup, ..command("M0010", Sxl::V1_0_7, "setStart", 2, ON_OFF) },
    Entry { scope: Scope::SignalGroup, ..command("M0011", Sxl::V1_0_7, "setStop", 2, ON_OFF) },
    command("M0012", Sxl::V1_0_8, "setStart", 2, TEXT),
    command("M0013", Sxl::V1_0_8, "setInput", 2, TEXT),
    command("M0014", Sxl::V1_0_13, "setCommands", 2, &[arg("plan", BYTE), arg("status", Type::Text), CODE]),
    command("M0015", Sxl::V1_0_13, "setOffset", 2, &[arg("status", BYTE), arg("plan", BYTE), CODE]),
    command("M0016", Sxl::V1_0_13, "setWeekTable", 2, TEXT),
    command("M0017", Sxl::V1_0_13, "setTimeTable", 2, TEXT),
    command("M0018", Sxl::V1_0_13, "setCycleTime", 2, &[arg("status", NUMBER), arg("plan", BYTE), CODE]),
    command(
        "M0019",
        Sxl::V1_0_7,
        "setInput",
        2,
        &[arg("status", Type::Boolean), CODE, arg("input", NUMBER), arg("inputValue", Type::Boolean)],
    ),
    command(
        "M0020",
        Sxl::V1_0_15,
        "setOutput",
        2,
        &[arg("status", Type::Boolean), CODE, arg("output", NUMBER), arg("outputValue", Type::Boolean)],
    ),
    command("M0021", Sxl::V1_0_15, "setLevel", 2, TEXT),
    command(
        "M0022",
        Sxl::V1_1,
        "requestPriority",
        0,
        &[
            arg("requestId", Type::Text),
            arg("signalGroupId", Type::Text).optional(),
            arg("inputId", BYTE).optional(),
            arg("connectionId", BYTE).optional(),
            arg("approachId", Type::Integer(0, 16)).optional(),
            arg("laneInId", BYTE).optional(),
            arg("laneOutId", BYTE).optional(),
            arg("priorityId", BYTE).optional(),
            arg("type", Type::Word(&["new", "update", "cancel"])),
            arg("level", Type::Integer(0, 14)),
            arg("eta", BYTE).optional(),
            arg("vehicleType", Type::Word(VEHICLES)).optional(),
        ],
    ),
    command("M0023", Sxl::V1_1, "setTimeout", 2, &[arg("status", Type::Integer(0, 65_535)), CODE]),
    command("M0024", Sxl::V1_2, "setResetAlarms", 0, &[arg("status", Type::Boolean)]),
    command(
        "M0103",
        Sxl::V1_0_7,
        "setSecurityCode",
        0,
        &[
            arg("status", Type::Word(&["Level1", "Level2"])),
            arg("oldSecurityCode", Type::Text),
            arg("newSecurityCode", Type::Text),
        ],
    ),
    command(
        "M0104",
        Sxl::V1_0_7,
        "setDate",
        1,
        &[
            CODE,
            arg("year", Type::Integer(0, 9_999)),
            arg("month", Type::Integer(1, 12)),
            arg("day", Type::Integer(1, 31)),
            arg("hour", Type::Integer(0, 23)),
            arg("minute", Type::Integer(0, 59)),
            arg("second", Type::Integer(0, 59)),
        ],
    ),
];
