//! What is shed and what never is.

use std::collections::BTreeMap;

use clearway_network::LineId;
use clearway_network::testing::place;
use clearway_planner::{Mission, TransitUpdate, VehicleFix};
use clearway_signals::{ControllerId, ControllerStatus, Millis, MissionId};
use proptest::prelude::*;

use super::*;

/// Of each class so many vehicles: emergency vehicles, then trams, then buses.
const EACH: u32 = 24;
const CONTROLLERS: u16 = 8;
/// Small enough to be filled by the vehicles of a test.
const SMALL: usize = 32;

fn vehicles() -> Vec<VehicleInfo> {
    let classes = [Class::Emergency, Class::Tram, Class::Bus];
    let of = |class| std::iter::repeat_n(VehicleInfo { class }, EACH as usize);
    classes.into_iter().flat_map(of).collect()
}

fn small() -> (Ingress, Outlets) {
    with_room(&vehicles(), CONTROLLERS.into(), URGENT_ROOM, SMALL)
}

fn fix(vehicle: u32, at: i64) -> VehicleFix {
    VehicleFix {
        vehicle: VehicleId(vehicle),
        received: Millis(at),
        place: place(0.0, 0.0),
        heading_deg: None,
        speed_mps: None,
        degraded: false,
        cadence: Millis(1_000),
    }
}

fn transit(vehicle: u32, at: i64) -> Event {
    let fix = fix(vehicle, at);
    Event::Transit(TransitUpdate { fix, line: LineId(0), lateness_s: None, doors_open: None })
}

/// What happens at the queues.
#[derive(Clone, Copy, Debug)]
enum Step {
    Emergency(u32),
    Tram(u32),
    Bus(u32),
    Telemetry(u32),
    Status(u16),
    TransitEnd(u32),
    MissionEnd(u32),
    ReleaseAll,
    /// The loop takes so many.
    Take(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..EACH).prop_map(Step::Emergency),
        8 => (EACH..2 * EACH).prop_map(Step::Tram),
        8 => (2 * EACH..3 * EACH).prop_map(Step::Bus),
        8 => (0..3 * EACH).prop_map(Step::Telemetry),
        2 => (0..CONTROLLERS).prop_map(Step::Status),
        1 => (EACH..3 * EACH).prop_map(Step::TransitEnd),
        1 => any::<u32>().prop_map(Step::MissionEnd),
        1 => Just(Step::ReleaseAll),
        1 => (0_u8..12).prop_map(Step::Take),
    ];
    proptest::collection::vec(step, 1..400)
}

/// The loop's end, and what was promised to come out of it.
struct Model {
    ingress: Ingress,
    outlets: Outlets,
    now: i64,
    /// The newest instant of each emergency vehicle, of each controller, and releases, by what they name.
    owed: BTreeMap<String, i64>,
}

impl Model {
    fn new() -> Self {
        let (ingress, outlets) = small();
        Self { ingress, outlets, now: 0, owed: BTreeMap::new() }
    }

    fn event(&self, step: Step) -> Option<Event> {
        Some(match step {
            Step::Emergency(vehicle) => Event::Fix(fix(vehicle, self.now)),
            Step::Tram(vehicle) | Step::Bus(vehicle) => transit(vehicle, self.now),
            Step::Telemetry(vehicle) => Event::Load(VehicleId(vehicle), 50),
            Step::Status(controller) => Event::Status(ControllerStatus {
                controller: ControllerId(controller),
                at: Millis(self.now),
                ..ControllerStatus::default()
            }),
            Step::TransitEnd(vehicle) => Event::TransitEnd(VehicleId(vehicle)),
            Step::MissionEnd(mission) => Event::MissionEnd(MissionId(mission)),
            Step::ReleaseAll => Event::ReleaseAll,
            Step::Take(_) => return None,
        })
    }

    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.now += 1;
        let Some(event) = self.event(step) else {
            let Step::Take(count) = step else { return Ok(()) };
            (0..count).try_for_each(|_| self.take().map(drop))?;
            return Ok(());
        };
        let sheds = Load::ALL.map(|load| self.ingress.sheds(load));
        let taken = self.ingress.send(Stamped { event, decoded_ns: None });
        match step {
            Step::Tram(_) if !taken => prop_assert_eq!(sheds, [true; 4], "trams are shed last"),
            Step::Bus(_) if !taken => prop_assert_eq!(&sheds[..3], [true; 3], "buses after telemetry"),
            Step::Telemetry(_) => prop_assert_eq!(!taken, sheds[1], "telemetry after what people see"),
            Step::Tram(_) | Step::Bus(_) => {}
            _ => {
                prop_assert!(taken, "{:?} is never shed", step);
                self.owed.insert(name(&event), self.now);
            }
        }
        prop_assert!(sheds.is_sorted_by(|earlier, later| earlier >= later), "{:?}", sheds);
        Ok(())
    }

    /// Take one event: the loop's own order.
    fn take(&mut self) -> Result<bool, TestCaseError> {
        let all = self.outlets.takes_release_all();
        let all = all.then_some(Stamped { event: Event::ReleaseAll, decoded_ns: None });
        let next = all.or_else(|| self.outlets.next_urgent()).or_else(|| self.outlets.next_of_the_rest());
        let Some(stamped) = next else { return Ok(false) };
        let promised = self.owed.remove(&name(&stamped.event));
        if let (Event::Fix(VehicleFix { received: at, .. }), Some(promised))
        | (Event::Status(ControllerStatus { at, .. }), Some(promised)) = (stamped.event, promised)
        {
            prop_assert_eq!(at.0, promised, "the newest one");
        }
        // A tram that goes on after its end was known is on its line again.
        if let Event::Transit(update) = stamped.event {
            self.owed.remove(&name(&Event::TransitEnd(update.fix.vehicle)));
        }
        Ok(true)
    }
}

fn name(event: &Event) -> String {
    match event {
        Event::Fix(fix) => format!("fix of {}", fix.vehicle.0),
        Event::Status(status) => format!("status of {}", status.controller.0),
        other => format!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn overload_sheds_trams_last_and_emergency_never(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.apply(step)?;
        }
        while model.take()? {}
        prop_assert!(model.owed.is_empty(), "lost: {:?}", model.owed);
        prop_assert_eq!(model.ingress.urgent_refused(), 0);
    }
}

#[test]
fn overload_that_never_ends_sheds_kind_after_kind() {
    let (ingress, _outlets) = small();
    let mut first_shed = Vec::new();
    let send = |event| ingress.send(Stamped { event, decoded_ns: None });
    for round in 0..EACH {
        for (load, event) in [
            (Load::Telemetry, Event::Load(VehicleId(round), 1)),
            (Load::Bus, transit(2 * EACH + round, 1)),
            (Load::Tram, transit(EACH + round, 1)),
        ] {
            if !send(event) && !first_shed.contains(&load) {
                first_shed.push(load);
            }
        }
        assert!(send(Event::Fix(fix(round, 1))));
    }
    assert_eq!(first_shed, [Load::Telemetry, Load::Bus, Load::Tram]);
    assert!(Load::ALL[1..].iter().all(|load| ingress.shed(*load) > 0));
}

#[test]
fn a_full_urgent_queue_still_takes_releases() {
    let (ingress, outlets) = with_room(&vehicles(), 1, RELEASES_ROOM + 2, SMALL);
    let send = |event| ingress.send(Stamped { event, decoded_ns: None });
    let mission = |n| Event::Mission(Mission::new(MissionId(n), VehicleId(0), place(0.0, 0.0)));
    assert!(send(mission(1)) && send(mission(2)) && !send(mission(3)));
    assert_eq!(ingress.urgent_refused(), 1);
    for n in 0..u32::try_from(RELEASES_ROOM).unwrap() {
        assert!(send(Event::MissionEnd(MissionId(n))));
    }
    assert!(send(Event::MissionEnd(MissionId(0))), "even now: everything is released");
    assert!(!outlets.is_settled() && outlets.takes_release_all() && !outlets.takes_release_all());
}
