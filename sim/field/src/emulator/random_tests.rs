//! The emulator against the monitor: whatever is called, pressed, switched, nothing unlawful is shown.

use clearway_network::{Controller, GreenWindow, SignalPlan, testing::corridor};
use clearway_signals::{
    Capabilities, Channel, GroupId, GroupKind, GroupSet, Millis, Mode, Owner, PreemptState, Relation,
    RequestRow, RowId, RowKind, SignalGroup,
};
use proptest::prelude::*;

use super::{GroupPriority, LEVEL_MAX, Options};
use crate::station::Station;

const MODES: [Mode; 7] =
    [Mode::Normal, Mode::Flash, Mode::Manual, Mode::Startup, Mode::Dark, Mode::Fault, Mode::Backup];

#[derive(Clone, Copy, Debug)]
enum Deed {
    Remote(u8, bool, i64),
    Physical(u8, bool),
    Priority(u8, i64, i64),
    Cancel,
    Switch(usize),
    Order(u8, bool),
    Wish(u64, i64),
    Slower,
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0u8..6, any::<bool>(), 1i64..400).prop_map(|(row, on, ttl)| Deed::Remote(row, on, ttl * 100)),
        3 => (0u8..6, any::<bool>()).prop_map(|(row, on)| Deed::Physical(row, on)),
        4 => (0u8..6, 0i64..300, 1i64..600).prop_map(|(row, eta, ttl)| Deed::Priority(row, eta * 100, ttl * 100)),
        1 => Just(Deed::Cancel),
        1 => (0..MODES.len()).prop_map(Deed::Switch),
        2 => (0u8..9, any::<bool>()).prop_map(|(group, start)| Deed::Order(group, start)),
        2 => (0u64..256, 0i64..300).prop_map(|(groups, eta)| Deed::Wish(groups, eta * 100)),
        1 => Just(Deed::Slower),
        1 => Just(Deed::Restart),
    ]
}

fn apply(station: &mut Station, controller: &Controller, deed: Deed) {
    let emulator = station.emulator_mut();
    // Refusals are part of the game.
    let _ = match deed {
        Deed::Remote(row, on, ttl) => emulator.remote_call(RowId(row), on, Millis(ttl)),
        Deed::Priority(row, eta, ttl) => {
            emulator.request_priority(RowId(row), LEVEL_MAX, Millis(eta), Millis(ttl))
        }
        Deed::Physical(row, on) => {
            emulator.set_physical(RowId(row), on);
            Ok(())
        }
        Deed::Cancel => {
            emulator.cancel_priority();
            emulator.set_group_priority(None);
            Ok(())
        }
        Deed::Order(group, start) => {
            let _ = if start {
                emulator.order_start(GroupId(group))
            } else {
                emulator.order_stop(GroupId(group))
            };
            Ok(())
        }
        Deed::Wish(groups, eta) => {
            let known = controller.groups.len();
            let groups = GroupSet(groups).iter().filter(|group| group.index() < known).collect();
            let eta = emulator.now() + Millis(eta);
            emulator.set_group_priority(Some(GroupPriority { groups, eta }));
            Ok(())
        }
        Deed::Slower => {
            let mut plan = controller.plan.clone();
            plan.cycle += Millis(7_000);
            emulator.set_plan(&plan);
            Ok(())
        }
        Deed::Restart => {
            emulator.restart();
            Ok(())
        }
        Deed::Switch(mode) => {
            emulator.set_mode(MODES[mode]);
            Ok(())
        }
    };
}

/// Any junction that a model check would pass or fail: random groups, relations, windows, rows; times
/// that do not even lie on the 100 ms grid.
fn controller() -> impl Strategy<Value = Controller> {
    let group = (0u8..4, 0i64..9_000, 0i64..12_000, 0i64..2_000);
    let groups = prop::collection::vec(group, 1..8);
    groups.prop_flat_map(|groups| {
        let n = groups.len();
        let relations = prop::collection::vec((0u8..4, 0i64..9_000), n * n);
        let windows = prop::collection::vec((0..n, 0i64..90_000, 1i64..90_000), 0..3 * n);
        let row = (1u8..6, 0u64..1 << n, 0i64..20_000, 0i64..20_000, 0i64..150_000, any::<bool>());
        let rows = prop::collection::vec(row, 0..6);
        (Just(groups), relations, windows, rows, 20_000i64..90_000, 0i64..90_000).prop_map(
            |(groups, relations, windows, rows, cycle, offset)| {
                build(&groups, &relations, &windows, &rows, (cycle, offset))
            },
        )
    })
}

type Row = (u8, u64, i64, i64, i64, bool);

fn build(
    groups: &[(u8, i64, i64, i64)],
    relations: &[(u8, i64)],
    windows: &[(usize, i64, i64)],
    rows: &[Row],
    (cycle, offset): (i64, i64),
) -> Controller {
    let mut controller = corridor(1).controllers.remove(0);
    controller.capabilities = Capabilities::PREEMPT.union(Capabilities::PRIORITY);
    controller.groups = groups.iter().map(group_of).collect();
    controller.group_names = (0..groups.len()).map(|n| n.to_string()).collect();
    controller.group_numbers = (1u8..).take(groups.len()).collect();
    controller.relations = relations
        .iter()
        .map(|(kind, ms)| match kind {
            0 => Relation::Compatible,
            1 => Relation::Permitted,
            _ => Relation::Conflict(Millis(*ms)),
        })
        .collect();
    controller.plan = SignalPlan {
        cycle: Millis(cycle),
        offset: Millis(offset % cycle),
        windows: windows
            .iter()
            .map(|(group, start, length)| window(*group, *start, *length, cycle))
            .collect(),
    };
    controller.rows = rows.iter().map(row_of).collect();
    controller
}

fn group_of((kind, min_green, ending, red_yellow): &(u8, i64, i64, i64)) -> SignalGroup {
    let kinds = [GroupKind::Vehicle, GroupKind::Tram, GroupKind::Bicycle, GroupKind::Pedestrian];
    let kind = kinds[usize::from(*kind)];
    let walks = kind == GroupKind::Pedestrian;
    SignalGroup {
        kind,
        min_green: Millis(*min_green),
        yellow: Millis(if walks { 0 } else { *ending }),
        clearance: Millis(if walks { *ending } else { 0 }),
        red_yellow: Millis(if walks { 0 } else { *red_yellow }),
    }
}

fn window(group: usize, start: i64, length: i64, cycle: i64) -> GreenWindow {
    GreenWindow {
        group: GroupId(u8::try_from(group).unwrap()),
        start: Millis(start % cycle),
        length: Millis(length.min(cycle)),
    }
}

fn row_of((number, dwell, min_duration, delay, max_presence, priority): &Row) -> RequestRow {
    RequestRow {
        number: *number,
        kind: if *priority { RowKind::Transit } else { RowKind::Emergency },
        owner: Owner::Ours,
        channel: if *priority { Channel::Priority } else { Channel::Preempt },
        dwell: GroupSet(*dwell),
        delay: Millis(*delay),
        min_duration: Millis(*min_duration),
        min_dwell: Millis(*min_duration / 2),
        max_presence: Millis(*max_presence),
    }
}

fn drive(controller: &Controller, deeds: &[(i64, Deed)]) -> Station {
    let mut station = Station::new(
        controller,
        Options { backup_time: Millis(15_000), startup_interval: Millis(2_000), ..Options::default() },
    );
    for (wait, deed) in deeds {
        let until = station.emulator().now() + Millis(wait * 100);
        station.advance(until);
        apply(&mut station, controller, *deed);
    }
    let until = station.emulator().now() + Millis(300_000);
    station.advance(until);
    station
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn s1_to_s4_and_s9_hold_on_a_crossroads_whatever_happens(
        priority: bool,
        deeds in prop::collection::vec((0i64..400, deed()), 0..60),
    ) {
        let controller = &corridor(2).controllers[usize::from(priority)];
        let station = drive(controller, &deeds);
        let monitor = station.monitor();
        prop_assert_eq!(monitor.totals().violations(), 0, "{:?}", monitor.violations());
    }

    #[test]
    fn s1_to_s4_and_s9_hold_on_any_junction_whatever_happens(
        controller in controller(),
        deeds in prop::collection::vec((0i64..400, deed()), 0..40),
    ) {
        let station = drive(&controller, &deeds);
        let monitor = station.monitor();
        prop_assert_eq!(monitor.totals().violations(), 0, "{:?}", monitor.violations());
    }

    #[test]
    fn s8_left_alone_every_crossroads_returns_to_its_plan(
        deeds in prop::collection::vec((0i64..100, deed()), 0..20),
    ) {
        let mut station = drive(&corridor(2).controllers[1], &deeds);
        for row in 0..4 {
            station.emulator_mut().set_physical(RowId(row), false);
        }
        station.emulator_mut().set_mode(Mode::Normal);
        station.emulator_mut().set_group_priority(None);
        let until = station.emulator().now() + Millis(300_000);
        station.advance(until);
        let status = station.emulator().status();
        prop_assert!(status.in_step && status.remote.is_empty() && status.active.is_none(), "{:?}", status);
    }

    /// Whatever runs when the call comes, dwell is reached within minimum green and intergreen of the
    /// slowest group in the way, its red-yellow before that, and a tick for the input.
    #[test]
    fn entry_takes_no_longer_than_its_worst_case(
        before in prop::collection::vec((0i64..400, deed()), 0..10),
        wait in 0i64..900,
        row in 1u8..3,
    ) {
        let controller = &corridor(2).controllers[1];
        let mut station = drive(controller, &before);
        for row in 0..4 {
            station.emulator_mut().set_physical(RowId(row), false);
        }
        station.emulator_mut().set_mode(Mode::Normal);
        station.emulator_mut().set_group_priority(None);
        let until = station.emulator().now() + Millis(120_000 + wait * 100);
        station.advance(until);
        station.emulator_mut().remote_call(RowId(row), true, Millis(60_000)).unwrap();
        let worst = 1_000 + 5_000 + if row == 1 { 9_000 } else { 5_000 } + 100;
        station.advance(until + Millis(worst));
        prop_assert_eq!(station.emulator().status().preempt, PreemptState::Dwell);
    }

    #[test]
    fn the_same_deeds_give_the_same_display(deeds in prop::collection::vec((0i64..200, deed()), 0..20)) {
        let controller = &corridor(2).controllers[1];
        let (one, two) = (drive(controller, &deeds), drive(controller, &deeds));
        prop_assert_eq!(one.emulator().status(), two.emulator().status());
        prop_assert_eq!(one.emulator().aspects(), two.emulator().aspects());
    }
}
