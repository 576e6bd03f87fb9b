use super::*;
use crate::config::{Config, VehicleInfo};
use crate::detour::testing::{block, link};
use crate::event::{Event, VehicleFix};
use clearway_certify::Class;
use clearway_signals::{ControllerId, ControllerStatus, Epoch, Mode};

const TRAM: VehicleId = VehicleId(0);
const EAST: LineId = LineId(0);

/// The block with an engine, in virtual time.
struct City {
    network: Arc<Network>,
    engine: Engine,
    now: Millis,
    notices: Vec<Notice>,
    /// Controllers that were asked, and let go again.
    asked: Vec<bool>,
}

impl City {
    fn new() -> Self {
        let network = Arc::new(block());
        let vehicles = vec![VehicleInfo { class: Class::Tram }; 3];
        let engine = Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1));
        let mut city =
            Self { network, engine, now: Millis::from_s(10), notices: Vec::new(), asked: Vec::new() };
        city.apply(&Event::Armed(ControllerId(0), true));
        city
    }

    fn apply(&mut self, event: &Event) {
        let mut out = Output::default();
        self.engine.apply(event, self.now, &mut out);
        self.notices.extend(out.notices());
        self.asked.extend(out.commands().iter().map(clearway_certify::Command::is_assert));
    }

    fn close(&mut self, names: &[&str], until: Millis) {
        for name in names {
            self.apply(&Event::Blocked(link(&self.network, name), until));
        }
        self.run(5);
    }

    /// Tenths of a second, with a status of the controller in each.
    fn run(&mut self, ticks: i64) {
        for _ in 0..ticks {
            self.now += Millis(100);
            let status = ControllerStatus { at: self.now, mode: Mode::Normal, ..ControllerStatus::default() };
            self.apply(&Event::Status(status));
            self.apply(&Event::Tick);
        }
    }

    /// A late tram drives along links at 10 m/s and reports once a second, without stopping.
    fn drive(&mut self, vehicle: VehicleId, names: &[&str]) {
        for name in names {
            let on = link(&self.network, name);
            let length_mm = self.network.link(on).length_mm;
            for offset_mm in (5_000..length_mm).step_by(10_000) {
                self.report(vehicle, on, offset_mm);
                self.run(10);
            }
        }
    }

    fn report(&mut self, vehicle: VehicleId, on: LinkId, offset_mm: u32) {
        let fix = VehicleFix {
            vehicle,
            received: self.now,
            place: self.network.plane.unproject(self.network.point_on(on, offset_mm)),
            heading_deg: Some(self.network.heading_on(on, offset_mm)),
            speed_mps: Some(10.0),
            degraded: false,
            cadence: Millis(1_000),
        };
        let update = TransitUpdate { fix, line: EAST, lateness_s: Some(120), doors_open: Some(false) };
        self.apply(&Event::Transit(update));
    }

    fn diverted(&self, vehicle: VehicleId) -> Option<bool> {
        let view = self.engine.view(self.now);
        view.transits.iter().find(|t| t.vehicle == vehicle).map(|t| t.diverted)
    }

    fn decided(&self) -> Vec<(LineId, Option<VehicleId>, Action)> {
        let decided = self.engine.view(self.now).detours;
        decided.iter().map(|d| (d.diversion.line, d.vehicle, d.diversion.action)).collect()
    }
}

#[test]
fn a_tram_before_the_switch_is_followed_around_and_asks_for_priority_there() {
    let mut city = City::new();
    city.drive(TRAM, &["a0"]);
    assert_eq!(city.diverted(TRAM), Some(false));
    // The last report stood 5 m before the switch: it is turned yet.
    city.close(&["a1"], Millis::NEVER);
    assert_eq!(city.decided(), [(EAST, None, Action::Detour)]);
    assert_eq!(city.diverted(TRAM), Some(true));
    assert!(city.asked.is_empty(), "no signal stands on its own line");
    city.drive(TRAM, &["d0", "b1", "u2"]);
    assert_eq!(city.diverted(TRAM), Some(true), "followed all the way");
    assert_eq!(city.asked.first(), Some(&true), "priority at the corner of the other track");
    assert_eq!(city.asked.last(), Some(&false), "and released behind it");
    let around = city.notices.iter().filter(|n| matches!(n, Notice::Diverted { vehicle: None, .. }));
    assert_eq!(around.count(), 1);
}

#[test]
fn when_the_closure_ends_the_line_runs_as_planned_and_who_is_around_comes_back() {
    let mut city = City::new();
    city.drive(TRAM, &["a0"]);
    city.close(&["a1"], Millis::NEVER);
    city.drive(TRAM, &["d0"]);
    city.apply(&Event::Blocked(link(&city.network, "a1"), Millis::ZERO));
    city.run(5);
    assert!(city.decided().is_empty());
    assert!(city.notices.contains(&Notice::LineRestored(EAST)));
    city.drive(TRAM, &["b1", "u2"]);
    assert_eq!(city.diverted(TRAM), Some(true), "on the other track until it is back");
    city.drive(TRAM, &["a2"]);
    assert_eq!(city.diverted(TRAM), Some(false));
    city.run(30);
    assert_eq!(city.engine.lines.len(), city.network.lines.len(), "its way is given back");
}

#[test]
fn a_closure_ends_by_itself_at_its_time() {
    let mut city = City::new();
    let until = city.now + Millis::from_s(3_000);
    city.close(&["a1"], until);
    assert_eq!(city.decided().len(), 1);
    city.now = until;
    city.run(5);
    assert!(city.decided().is_empty());
}

#[test]
fn a_tram_past_the_last_switch_is_told_to_wait_by_itself() {
    let mut city = City::new();
    city.drive(TRAM, &["a0", "a1", "a2"]);
    city.close(&["a3"], Millis::NEVER);
    assert_eq!(city.decided(), [(EAST, None, Action::Hold)], "nothing leads around the last link");
    let mut city = City::new();
    city.drive(TRAM, &["a0"]);
    let first = link(&city.network, "a1");
    city.report(TRAM, first, 20_000);
    city.close(&["a1"], Millis::NEVER);
    assert_eq!(city.decided(), [(EAST, None, Action::Detour), (EAST, Some(TRAM), Action::Hold)]);
    city.apply(&Event::TransitEnd(TRAM));
    city.run(20);
    assert_eq!(city.decided(), [(EAST, None, Action::Detour)], "the vehicle is gone");
}

#[test]
fn a_tram_that_appears_on_the_way_around_is_known_there() {
    let mut city = City::new();
    city.close(&["a1"], Millis::NEVER);
    let corner = link(&city.network, "b1");
    city.report(TRAM, corner, 100_000);
    assert_eq!(city.diverted(TRAM), Some(true));
    let own = link(&city.network, "a1");
    city.report(VehicleId(1), own, 200_000);
    assert_eq!(city.diverted(VehicleId(1)), Some(false), "on the closed link itself");
}

#[test]
fn trams_turn_short_on_both_sides_where_nothing_leads_around() {
    let mut city = City::new();
    city.drive(TRAM, &["a0"]);
    let until = city.now + Millis::from_s(7_200);
    city.close(&["a1", "z1", "b1"], until);
    let lines: Vec<_> = city.decided().iter().map(|(line, _, action)| (line.0, *action)).collect();
    assert_eq!(lines[..2], [(0, Action::ShortTurn), (1, Action::ShortTurn)]);
    city.drive(TRAM, &["lp"]);
    assert_eq!(city.diverted(TRAM), Some(true));
}

#[test]
fn emergency_ways_stay_open_where_only_transit_is_stopped() {
    let mut city = City::new();
    let closed = link(&city.network, "a1");
    city.apply(&Event::TransitBlocked(closed, Millis::NEVER));
    city.run(5);
    assert_eq!(city.decided().len(), 1);
}

#[test]
fn the_same_events_give_the_same_decisions() {
    let run = || {
        let mut city = City::new();
        city.drive(TRAM, &["a0"]);
        city.close(&["a1"], Millis::NEVER);
        city.drive(TRAM, &["d0", "b1"]);
        (city.notices, city.asked, city.engine.detours.decided().to_vec())
    };
    assert_eq!(run(), run());
}
