use clearway_certify::{Action, Class};
use clearway_network::testing::corridor;
use clearway_network::{Builder, Controller, Link, Movement, MovementId, Node, NodeId, PathRow, Point};
use clearway_network::{SignalRef, Turn};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GeoPoint, GroupId, MissionId, Mode, RowId, VehicleId,
};

use super::*;
use crate::config::{Config, VehicleInfo};
use crate::event::Event;

const SIDE: usize = 4;
const SPACING_M: f32 = 150.0;
const STREET: Uses = Uses::CAR.union(Uses::EMERGENCY);
const ORIGIN: GeoPoint = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };

/// A square of streets in both directions, a controller of the corridor's kind at every crossroads: row 1
/// for those who come along from west or east, row 2 for those from south or north.
fn town() -> Network {
    let mut b = Builder { name: "town".into(), origin: ORIGIN, ..Builder::default() };
    #[allow(clippy::cast_precision_loss)]
    let point = |n: usize| Point { x: (n % SIDE) as f32 * SPACING_M, y: (n / SIDE) as f32 * SPACING_M };
    let nodes: Vec<_> =
        (0..SIDE * SIDE).map(|n| b.graph.add_node(Node { name: format!("n{n}"), point: point(n) })).collect();
    let mut ends = Vec::new();
    for n in 0..SIDE * SIDE {
        if n % SIDE + 1 < SIDE {
            ends.extend([(n, n + 1), (n + 1, n)]);
        }
        if n / SIDE + 1 < SIDE {
            ends.extend([(n, n + SIDE), (n + SIDE, n)]);
        }
    }
    for (from, to) in &ends {
        let link = Link {
            name: format!("{from}-{to}"),
            street: String::new(),
            from: NodeId(0),
            to: NodeId(0),
            length_mm: 150_000,
            speed_mm_s: 12_000,
            lanes: 1,
            uses: STREET,
            shape: 0..0,
        };
        b.graph.add_edge(nodes[*from], nodes[*to], (link, vec![point(*from), point(*to)]));
    }
    let mut paths = vec![Vec::new(); SIDE * SIDE];
    for (i, (from, at)) in ends.iter().enumerate() {
        for (j, (_, to)) in ends.iter().enumerate().filter(|(_, (start, to))| start == at && to != from) {
            let across = from.abs_diff(*at) == SIDE;
            let through = across == (at.abs_diff(*to) == SIDE);
            let controller = ControllerId(u16::try_from(*at).unwrap());
            let path = PathRow {
                row: RowId(1 + u8::from(across)),
                movements: vec![MovementId(u32::try_from(b.movements.len()).unwrap())],
            };
            paths[*at].push(path);
            b.movements.push(Movement {
                name: format!("m{i}-{j}"),
                from: LinkId(u32::try_from(i).unwrap()),
                to: LinkId(u32::try_from(j).unwrap()),
                turn: if through { Turn::Through } else { Turn::Left },
                uses: STREET,
                signal: Some(SignalRef { controller, group: GroupId(u8::from(across)) }),
            });
        }
    }
    let kinds = corridor(u16::try_from(SIDE * SIDE).unwrap()).controllers;
    let fitted = |(controller, paths)| Controller { paths, detectors: Vec::new(), ..controller };
    b.controllers = kinds.into_iter().zip(paths).map(fitted).collect();
    b.compile().unwrap()
}

struct Drive {
    engine: Engine,
    out: Output,
    now: Millis,
}

impl Drive {
    /// All controllers armed and read but `unarmed`.
    fn new(unarmed: &[u16]) -> Self {
        let network = Arc::new(town());
        let vehicles = vec![VehicleInfo { class: Class::Emergency }];
        let engine = Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1));
        let mut drive = Self { engine, out: Output::default(), now: Millis(1_000) };
        for controller in (0..16).map(ControllerId) {
            drive.apply(&Event::Armed(controller, !unarmed.contains(&controller.0)));
            let at = drive.now;
            let status = ControllerStatus { controller, at, mode: Mode::Normal, ..Default::default() };
            drive.apply(&Event::Status(status));
        }
        drive
    }

    fn apply(&mut self, event: &Event) {
        self.out.clear();
        self.engine.apply(event, self.now, &mut self.out);
    }

    fn mission(&mut self, x: f32, y: f32) {
        let destination = place(x, y);
        let mission = Mission::new(MissionId(1), VehicleId(0), destination);
        self.apply(&Event::Mission(mission));
    }

    fn fix(&mut self, x: f32, y: f32, heading_deg: f32) {
        self.now += Millis(1_000);
        let fix = VehicleFix {
            vehicle: VehicleId(0),
            received: self.now,
            place: place(x, y),
            heading_deg: Some(heading_deg),
            speed_mps: Some(12.0),
            degraded: false,
            cadence: Millis(1_000),
        };
        self.apply(&Event::Fix(fix));
    }

    fn way(&self) -> Vec<&str> {
        let network = self.engine.network();
        self.engine.waves[0].way.iter().map(|link| network.link(*link).name.as_str()).collect()
    }

    fn link(&self, name: &str) -> LinkId {
        let links = &self.engine.network().links;
        LinkId(u32::try_from(links.iter().position(|link| link.name == name).unwrap()).unwrap())
    }
}

fn place(x: f32, y: f32) -> GeoPoint {
    clearway_network::Plane::at(ORIGIN).unproject(Point { x, y })
}

#[test]
fn a_vehicle_off_its_way_has_a_new_one_and_new_calls_with_the_very_fix_that_shows_it() {
    let mut drive = Drive::new(&[]);
    drive.mission(450.0, 50.0);
    drive.fix(20.0, 0.0, 90.0);
    assert_eq!(drive.way(), ["0-1", "1-2", "2-3", "3-7"]);
    let mut called = Vec::new();
    for step in 1..=10_u8 {
        drive.fix(20.0 + 12.0 * f32::from(step), 0.0, 90.0);
        called.extend(drive.out.commands().iter().filter(|c| c.is_assert()).map(|c| c.controller().0));
    }
    assert!(called.contains(&1) && called.contains(&2), "{called:?}");
    // It turns left instead of going straight on.
    drive.fix(150.0, 14.0, 0.0);
    assert!(drive.out.notices().contains(&Notice::OffRoute(MissionId(1))));
    assert!(drive.out.notices().iter().any(|notice| matches!(notice, Notice::Routed { .. })));
    assert_eq!(drive.way(), ["1-5", "5-6", "6-7", "7-3"]);
    let of = |action: fn(&Action) -> bool| {
        let commands = drive.out.commands().iter().filter(move |c| action(&c.action()));
        commands.map(|c| (c.controller().0, c.row().0)).collect::<Vec<_>>()
    };
    let (released, asserted) = (of(|a| *a == Action::Release), of(|a| *a != Action::Release));
    assert!(released.contains(&(2, 1)), "the old way's signal is let go at once: {released:?}");
    assert!(asserted.contains(&(5, 2)), "the new way's signal is called at once: {asserted:?}");
}

#[test]
fn a_link_that_is_closed_ahead_changes_the_way_at_once_and_one_behind_does_not() {
    let mut drive = Drive::new(&[]);
    drive.mission(450.0, 50.0);
    drive.fix(20.0, 0.0, 90.0);
    let (ahead, away) = (drive.link("1-2"), drive.link("0-4"));
    drive.apply(&Event::Blocked(away, Millis::NEVER));
    assert!(drive.out.notices().is_empty(), "{:?}", drive.out.notices());
    drive.apply(&Event::Blocked(ahead, Millis::from_s(3_600)));
    assert!(drive.out.notices().iter().any(|notice| matches!(notice, Notice::Routed { .. })));
    assert_eq!(drive.way(), ["0-1", "1-5", "5-6", "6-7", "7-3"]);
    // Open again: whoever seeks a way next uses it.
    drive.apply(&Event::Blocked(ahead, Millis::ZERO));
    drive.apply(&Event::MissionEnd(MissionId(1)));
    drive.mission(450.0, 50.0);
    assert_eq!(drive.way(), ["0-1", "1-2", "2-3", "3-7"]);
}

#[test]
fn signals_that_cannot_be_asked_cost_their_red_and_are_driven_round() {
    let straight = ["4-5", "5-6", "6-7"];
    let mut drive = Drive::new(&[]);
    drive.mission(400.0, 150.0);
    drive.fix(20.0, 150.0, 90.0);
    assert_eq!(drive.way(), straight);
    // Nobody knows where 6 stands in its cycle: its mean wait is no reason to drive a block further.
    let mut drive = Drive::new(&[6]);
    drive.mission(400.0, 150.0);
    drive.fix(20.0, 150.0, 90.0);
    assert_eq!(drive.way(), straight);
    // Between ways of equal length one whose signals can be asked is taken.
    for (avoided, end) in [(2, "-2"), (5, "-5")] {
        let mut drive = Drive::new(&[avoided]);
        drive.mission(450.0, 250.0);
        drive.fix(0.0, 50.0, 180.0);
        assert!(drive.way().iter().all(|link| !link.ends_with(end)), "{:?}", drive.way());
    }
}
