//! The tables that GMNS defines, with the columns of it that Clearway uses.
//!
//! Names, types and required columns follow the General Modeling Network Specification
//! (Zephyr Foundation); a column that GMNS does not know says so.

use crate::schema::USES;
use crate::table::{Field, Kind, table};

const SECONDS_MAX: f64 = 600.0;

const fn id(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Id, about)
}

const fn text(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Text, about).optional()
}

const fn seconds(name: &'static str, max: f64, about: &'static str) -> Field {
    Field::new(name, Kind::Number(0.0, max), about).in_unit("s")
}

const fn lane(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Integer(0, 32), about).optional()
}

const LONGITUDE: Field = Field::new("x_coord", Kind::Degrees(180.0), "longitude, WGS 84").in_unit("°");
const LATITUDE: Field = Field::new("y_coord", Kind::Degrees(90.0), "latitude, WGS 84").in_unit("°");
const ALLOWED: Field = Field::new(
    "allowed_uses",
    Kind::Words(',', USES),
    "who may use it; emergency vehicles go wherever cars go",
);
const SOURCE: Field = Field::new(
    "source",
    Kind::Word(&["surveyed", "imported", "default"]),
    "where the row's values come from (not in GMNS)",
);

/// Where one value of a row comes from, for tables whose other values are the street's own.
const fn source_of(name: &'static str, about: &'static str) -> Field {
    Field::new(name, Kind::Word(&["surveyed", "imported", "default"]), about).may_be_absent()
}

table! { Node, "node", Gmns, key ["node_id"], "A place where links meet.";
    node_id: id("node_id", "the node's id"),
    name: text("name", "what people call it"),
    x_coord: LONGITUDE,
    y_coord: LATITUDE,
    node_type: text("node_type", "`boundary` where the model was cut out of a larger network; else free text"),
    ctrl_type: Field::new("ctrl_type", Kind::Word(&["none", "yield", "stop", "4_stop", "signal"]),
        "how the junction is controlled").optional(),
}

table! { Link, "link", Gmns, key ["link_id"], "A directed stretch of road or track; a two-way street is two links.";
    link_id: id("link_id", "the link's id"),
    name: text("name", "the street's name"),
    from_node_id: id("from_node_id", "where it begins").of("node"),
    to_node_id: id("to_node_id", "where it ends: the stop line, if there is a signal").of("node"),
    directed: Field::new("directed", Kind::Word(&["true", "false"]), "always `true`"),
    geometry_id: id("geometry_id", "its drawn shape; empty: a straight line").of("geometry").optional(),
    length: Field::new("length", Kind::Number(0.001, 1_000_000.0), "length along the link").in_unit("m"),
    facility_type: text("facility_type", "OSM `highway` class, or `tram`"),
    free_speed: Field::new("free_speed", Kind::Number(0.1, 100.0), "speed without hindrance").in_unit("m/s"),
    lanes: Field::new("lanes", Kind::Integer(1, 16), "lanes in this direction; a track is one"),
    allowed_uses: ALLOWED,
    free_speed_source: source_of("free_speed_source", "where `free_speed` comes from (not in GMNS)"),
    lanes_source: source_of("lanes_source", "where `lanes` comes from (not in GMNS)"),
}

table! { Geometry, "geometry", Gmns, key ["geometry_id"], "The drawn shape of links.";
    geometry_id: id("geometry_id", "the shape's id"),
    geometry: Field::new("geometry", Kind::LineString, "WKT, longitude before latitude").in_unit("°"),
}

table! { Movement, "movement", Gmns, key ["mvmt_id"], "A lawful way from one link into the next.";
    mvmt_id: id("mvmt_id", "the movement's id"),
    node_id: id("node_id", "the node that both links touch").of("node"),
    ib_link_id: id("ib_link_id", "the link it leaves").of("link"),
    start_ib_lane: lane("start_ib_lane", "innermost lane it leaves from"),
    end_ib_lane: lane("end_ib_lane", "outermost lane it leaves from; empty: one lane"),
    ob_link_id: id("ob_link_id", "the link it enters").of("link"),
    kind: Field::new("type", Kind::Word(&["left", "right", "uturn", "thru", "merge", "diverge"]), "its direction"),
    ctrl_type: Field::new("ctrl_type", Kind::Word(&[
        "no_control", "yield", "stop", "stop_2_way", "stop_4_way", "signal_with_RTOR", "signal",
    ]), "`signal` where a signal group rules it").optional(),
    allowed_uses: ALLOWED.optional(),
    lanes_source: source_of("lanes_source", "where `start_ib_lane` and `end_ib_lane` come from (not in GMNS)"),
}

table! { SignalController, "signal_controller", Gmns, key ["controller_id"], "A signal controller.";
    controller_id: id("controller_id", "the controller's id"),
    name: text("name", "what people call the junction (not in GMNS)"),
    x_coord: LONGITUDE,
    y_coord: LATITUDE,
    source: SOURCE,
}

table! { TimingPlan, "signal_timing_plan", Gmns, key ["timing_plan_id"],
    "A signal plan. The first plan of a controller is the one that runs.";
    timing_plan_id: id("timing_plan_id", "the plan's id"),
    controller_id: id("controller_id", "whose plan it is").of("signal_controller"),
    cycle_length: Field::new("cycle_length", Kind::Number(1.0, SECONDS_MAX), "cycle length").in_unit("s"),
    source: SOURCE,
}

table! { TimingPhase, "signal_timing_phase", Gmns, key ["timing_phase_id"],
    "One signal group in one plan.";
    timing_phase_id: id("timing_phase_id", "the row's id"),
    timing_plan_id: id("timing_plan_id", "the plan").of("signal_timing_plan"),
    signal_phase_num: Field::new("signal_phase_num", Kind::Integer(1, 255), "the group: `signal_group.group_num`"),
    min_green: seconds("min_green", SECONDS_MAX, "minimum green in this plan"),
    max_green: seconds("max_green", SECONDS_MAX, "maximum green in this plan; 0: none"),
    extension: seconds("extension", 120.0, "passage time"),
    clearance: seconds("clearance", 120.0, "yellow and red clearance"),
    walk_time: seconds("walk_time", 120.0, "walk; pedestrian groups only"),
    ped_clearance: seconds("ped_clearance", 120.0, "pedestrian clearance; pedestrian groups only"),
    ring: Field::new("ring", Kind::Integer(0, 12), "NEMA ring; 0 where there are none"),
    barrier: Field::new("barrier", Kind::Integer(0, 12), "NEMA barrier; 0 where there are none"),
    position: Field::new("position", Kind::Integer(0, 255), "position in the ring"),
}

table! { PhaseMovement, "signal_phase_mvmt", Gmns, key ["signal_phase_mvmt_id"],
    "A movement, or the link that pedestrians cross, that a signal group rules.";
    signal_phase_mvmt_id: id("signal_phase_mvmt_id", "the row's id"),
    timing_phase_id: id("timing_phase_id", "the group in its plan").of("signal_timing_phase"),
    mvmt_id: id("mvmt_id", "the movement; empty for pedestrians").of("movement").optional(),
    link_id: id("link_id", "the link that pedestrians cross; else empty").of("link").optional(),
    protection: Field::new("protection", Kind::Word(&["protected", "permitted", "rtor"]),
        "whether the movement gives way while its group is green").optional(),
}

table! { Coordination, "signal_coordination", Gmns, key ["coordination_id"],
    "The offset of a plan. It counts from the clock's zero, whoever the master is.";
    coordination_id: id("coordination_id", "the row's id"),
    timing_plan_id: id("timing_plan_id", "the plan").of("signal_timing_plan"),
    controller_id: id("controller_id", "whose plan it is").of("signal_controller"),
    coord_contr_id: id("coord_contr_id", "the controller that it runs with, for people")
        .of("signal_controller").optional(),
    coord_phase: Field::new("coord_phase", Kind::Integer(1, 255), "the group whose state the offset refers to")
        .of_groups().optional(),
    coord_ref_to: Field::new("coord_ref_to", Kind::Word(&["begin_of_green", "begin_of_yellow", "begin_of_red"]),
        "the instant of that group; empty: the start of the cycle").optional(),
    offset: seconds("offset", SECONDS_MAX, "offset of that instant"),
}

table! { SignalDetector, "signal_detector", Gmns, key ["detector_id"], "A detector.";
    detector_id: id("detector_id", "the detector's id"),
    controller_id: id("controller_id", "the controller that reads it").of("signal_controller"),
    signal_phase_num: Field::new("signal_phase_num", Kind::Integer(1, 255), "the group that it serves").of_groups(),
    link_id: id("link_id", "the link it lies in").of("link"),
    start_lane: Field::new("start_lane", Kind::Integer(0, 32), "leftmost lane it covers"),
    end_lane: lane("end_lane", "rightmost lane it covers; empty: one lane"),
    ref_node_id: id("ref_node_id", "the node that it lies before").of("node"),
    det_zone_front: Field::new("det_zone_lr", Kind::Number(0.0, 10_000.0),
        "from the stop line to its nearest edge").in_unit("m"),
    det_zone_back: Field::new("det_zone_back", Kind::Number(0.0, 10_000.0),
        "from the stop line to its farthest edge").in_unit("m"),
    det_type: text("det_type", "kind of detector"),
}
