//! The tables that stand beside GMNS's: what signal control and transit need and GMNS lacks.

use crate::table::{Field, Kind, table};

const SECONDS_MAX: f64 = 600.0;
/// What NTCIP's 16-bit times reach.
const PREEMPT_SECONDS_MAX: f64 = 65_535.0;

const fn id(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Id, about)
}

const fn seconds(name: &'static str, max: f64, about: &'static str) -> Field {
    Field::new(name, Kind::Number(0.0, max), about).in_unit("s")
}

const fn group(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Integer(1, 255), about).of_groups()
}

const fn groups(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Integers, about).of_groups()
}

const CONTROLLER: Field = id("controller_id", "the controller").of("signal_controller");
const SOURCE: Field = Field::new(
    "source",
    Kind::Word(&["surveyed", "imported", "default"]),
    "where the row's values come from",
);

table! { SignalGroupRow, "signal_group", Clearway, key ["controller_id", "group_num"],
    "A signal group: heads that always show the same.";
    controller_id: CONTROLLER,
    group_num: Field::new("group_num", Kind::Integer(1, 255), "1 to 64, without gaps; equals `signal_phase_num`"),
    name: Field::new("name", Kind::Text, "its name on the plan (K1, F3…)").optional(),
    kind: Field::new("kind", Kind::Word(&["vehicle", "tram", "bicycle", "pedestrian"]), "for whom it stands"),
    min_green: seconds("min_green", SECONDS_MAX, "minimum green; walk for pedestrians"),
    yellow: seconds("yellow", 25.5, "yellow, or its equivalent; 0 for pedestrians"),
    clearance: seconds("clearance", 255.0, "pedestrian clearance; 0 for the others"),
    red_yellow: seconds("red_yellow", 25.5, "red with yellow before green; 0 where there is none"),
    source: SOURCE,
}

table! { Stage, "stage", Clearway, key ["timing_plan_id", "stage_num"],
    "A stage of a plan. A group that stands in consecutive stages stays green between them.";
    timing_plan_id: id("timing_plan_id", "the plan").of("signal_timing_plan"),
    controller_id: CONTROLLER,
    stage_num: Field::new("stage_num", Kind::Integer(1, 255), "from 1, in the order of the cycle"),
    groups: groups("groups", "the groups that are green").optional(),
    start: seconds("start", SECONDS_MAX, "start of green, from the start of the cycle"),
    end: seconds("end", SECONDS_MAX, "end of green; below `start` when the stage reaches over the cycle's end"),
    source: SOURCE,
}

table! { Overlap, "overlap", Clearway, key ["controller_id", "group_num"],
    "A group that is green with any of its parents.";
    controller_id: CONTROLLER,
    group_num: group("group_num", "the group that overlaps"),
    parents: groups("parents", "the groups that carry it"),
    source: SOURCE,
}

table! { GroupPair, "group_pair", Clearway, key ["controller_id", "from_group", "to_group"],
    "How two groups stand to each other, ending group to starting group; pairs that are not here are compatible.";
    controller_id: CONTROLLER,
    from_group: group("from_group", "the group that ends"),
    to_group: group("to_group", "the group that starts"),
    relation: Field::new("relation", Kind::Word(&["conflict", "permitted", "compatible"]),
        "`conflict`: never green together; `permitted`: together, one gives way"),
    intergreen: seconds("intergreen", 255.0,
        "end of green (walk) of the one to start of green of the other; holds yellow and clearance").optional(),
    source: SOURCE,
}

table! { GroupBinding, "group_binding", Clearway, key ["controller_id", "group_num"],
    "Where the controller's protocol shows a group.";
    controller_id: CONTROLLER,
    group_num: group("group_num", "the group"),
    target: Field::new("target", Kind::Word(&["phase", "overlap", "channel", "bit", "rsmp"]), "the protocol's object"),
    index: Field::new("index", Kind::Integer(1, 255), "its number there"),
    source: SOURCE,
}

table! { RequestBinding, "request_binding", Clearway, key ["controller_id", "channel", "row_num"],
    "A request row of the controller and the paths that it serves. Lower numbers win.";
    controller_id: CONTROLLER,
    row_num: Field::new("row_num", Kind::Integer(1, 255), "number on the wire"),
    kind: Field::new("kind", Kind::Word(&["rail", "emergency", "transit"]), "whom it serves"),
    channel: Field::new("channel", Kind::Word(&["preempt", "priority"]), "the controller's means"),
    owner: Field::new("owner", Kind::Text, "`clearway` where the row is ours to write; else whose it is"),
    paths: Field::new("paths", Kind::Paths, "movements through the controller, in order; paths separated by `|`")
        .of("movement").optional(),
    dwell_groups: groups("dwell_groups", "green while the request is served"),
    exit_groups: groups("exit_groups", "green first afterwards; empty: where the plan stands").optional(),
    delay: seconds("delay", SECONDS_MAX, "from the call to the start of entry"),
    min_duration: seconds("min_duration", PREEMPT_SECONDS_MAX, "the call counts at least this long"),
    min_dwell: seconds("min_dwell", 255.0, "dwell lasts at least this long"),
    max_presence: seconds("max_presence", PREEMPT_SECONDS_MAX,
        "an older call is invalid; 1 to 240 for our own rows, 0 elsewhere: no limit"),
    source: SOURCE,
}

table! { DetectorBinding, "detector_binding", Clearway, key ["detector_id"],
    "The number of a detector at its controller.";
    detector_id: id("detector_id", "the detector").of("signal_detector"),
    controller_id: CONTROLLER,
    index: Field::new("index", Kind::Integer(1, 255), "its number there"),
    source: SOURCE,
}

table! { TransitLine, "transit_line", Clearway, key ["line_id"], "A tram or bus line in one direction.";
    line_id: id("line_id", "the line and direction"),
    designation: Field::new("designation", Kind::Text, "what passengers call it"),
    mode: Field::new("mode", Kind::Word(&["tram", "bus"]), "what runs on it"),
    direction: Field::new("direction", Kind::Integer(0, 1), "direction as in GTFS"),
    links: Field::new("links", Kind::Ids, "the links, in order").of("link"),
    headway: Field::new("headway", Kind::Number(1.0, 86_400.0), "between two departures").in_unit("s"),
    source: SOURCE,
    headway_source: Field::new("headway_source", Kind::Word(&["surveyed", "imported", "default"]),
        "where `headway` comes from; empty: as the row").may_be_absent(),
}

table! { TransitStop, "transit_stop", Clearway, key ["line_id", "sequence"], "A call of a line at a stop.";
    stop_id: id("stop_id", "the stop; the same for every line that calls"),
    line_id: id("line_id", "the line and direction").of("transit_line"),
    sequence: Field::new("sequence", Kind::Integer(1, 65_535), "from 1, in the order of travel"),
    name: Field::new("name", Kind::Text, "what passengers call it").optional(),
    link_id: id("link_id", "the link that it lies at").of("link"),
    offset: Field::new("offset", Kind::Number(0.0, 1_000_000.0), "from the start of the link").in_unit("m"),
    x_coord: Field::new("x_coord", Kind::Degrees(180.0), "longitude, WGS 84").in_unit("°"),
    y_coord: Field::new("y_coord", Kind::Degrees(90.0), "latitude, WGS 84").in_unit("°"),
    source: SOURCE,
}

table! { Turnback, "turnback", Clearway, key ["turnback_id"], "A place where trams can turn.";
    turnback_id: id("turnback_id", "the turnback's id"),
    from_link_id: id("from_link_id", "the link it leaves").of("link"),
    to_link_id: id("to_link_id", "the link it enters").of("link"),
    kind: Field::new("kind", Kind::Word(&["loop", "crossover"]), "how trams turn"),
    source: SOURCE,
}

table! { ControllerLink, "controller_link", Clearway, key ["controller_id"],
    "How to reach a controller. Never a secret: secrets stand in files that clearway.toml names.";
    controller_id: CONTROLLER,
    protocol: Field::new("protocol", Kind::Word(&["ntcip", "modbus", "rsmp"]), "the protocol"),
    address: Field::new("address", Kind::Text, "`host:port`; empty: given by the configuration").optional(),
    profile: Field::new("profile", Kind::Text, "the protocol's profile").optional(),
    capabilities: Field::new("capabilities",
        Kind::Words(' ', &["preempt", "priority", "group_states", "detectors"]), "what the link can carry").optional(),
    source: SOURCE,
}
