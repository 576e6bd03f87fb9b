//! When rows are released whose vehicle has passed: at once, or at a better instant within bounds.

mod common;

use clearway_certify::Class;
use clearway_planner::policy::Policy;
use clearway_planner::recovery::{Exit, Method, Recovery};
use clearway_planner::release::RELEASE_HOLD_MAX;
use clearway_planner::{Config, Notice};
use clearway_signals::Millis;
use common::{City, ENGINE_101, ENGINE_102, driven};

const SIGNALS: u16 = 6;

/// Controllers that go on at a fixed second of the cycle: there the instant of the release counts.
fn city(exit_at_s: i64, release_hold_max: Millis) -> City {
    let recovery =
        Recovery { exit: Exit::At(Millis::from_s(exit_at_s)), method: Method::Subtract { permille: 120 } };
    let config = Config { recovery, release_hold_max, ..Config::default() };
    City::with(SIGNALS, &[Class::Emergency, Class::Emergency, Class::Tram], Policy::default(), config)
}

/// A drive along the corridor; `each` may interfere once a second and says whether the vehicle reports.
fn drive(city: &mut City, mut each: impl FnMut(&mut City, Millis) -> bool) {
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    let start = city.now;
    city.run_until(start + Millis::from_s(125), |city, now| {
        if each(city, now) {
            city.fix(ENGINE_101, driven(now, start).min(1_345.0), 0.0, 90.0);
        }
    });
}

fn released_at(city: &City, controller: u16) -> Option<Millis> {
    let of = |notice: &Notice| matches!(notice, Notice::Released { controller: c, .. } if c.0 == controller);
    city.notices.iter().find(|(_, notice)| of(notice)).map(|(at, _)| *at)
}

/// The longest keeping of any exit second: the second, the controller, when it was passed, when released.
fn longest_kept(release_hold_max: Millis) -> (i64, u16, Millis, Millis) {
    let mut longest = (0, 0, Millis::ZERO, Millis::ZERO);
    for exit_at_s in (0..60).step_by(4) {
        let (mut at_once, mut kept) = (city(exit_at_s, Millis::ZERO), city(exit_at_s, release_hold_max));
        drive(&mut at_once, |_, _| true);
        drive(&mut kept, |_, _| true);
        for k in 0..SIGNALS {
            let (Some(passed), Some(released)) = (released_at(&at_once, k), released_at(&kept, k)) else {
                panic!("controller {k} was not released")
            };
            let held = released - passed;
            assert!(held >= Millis::ZERO && held <= release_hold_max.min(RELEASE_HOLD_MAX), "{k}: {held:?}");
            let presence = kept.network.controllers[usize::from(k)].rows[1].max_presence;
            let over = kept.called_at(k).unwrap() + presence;
            let mine = kept.commands.iter().filter(|(_, c)| c.controller().0 == k && c.is_assert());
            // Without the engine too: every lease ends within the presence.
            assert!(released <= over && mine.clone().all(|(_, command)| command.expires() <= over));
            if held > longest.3 - longest.2 {
                longest = (exit_at_s, k, passed, released);
            }
        }
    }
    longest
}

#[test]
fn s9_a_row_is_kept_no_longer_than_its_window_and_its_presence() {
    let (_, _, passed, released) = longest_kept(Millis::from_s(10));
    assert!(released - passed >= Millis::from_s(2), "somewhere keeping pays");
    let (.., passed, released) = longest_kept(Millis::from_s(60));
    assert!(released - passed <= RELEASE_HOLD_MAX);
}

#[test]
fn a_row_that_is_kept_is_released_for_another_emergency_vehicle_and_in_silence() {
    let hold = Millis::from_s(10);
    let (exit_at_s, k, passed, released) = longest_kept(hold);
    let held = |city: &City| {
        released_at(city, k).unwrap_or_else(|| panic!("controller {k} was not released")) - passed
    };
    let mut met = city(exit_at_s, hold);
    drive(&mut met, |city, now| {
        if now == Millis((passed.0 / 1000 + 1) * 1000) {
            city.mission(2, ENGINE_102, 1_350.0, 0.0);
        }
        true
    });
    assert!(held(&met) <= Millis(1_200) && held(&met) < released - passed, "{:?}", held(&met));
    let mut silent = city(exit_at_s, hold);
    drive(&mut silent, |_, now| now < passed);
    assert!(held(&silent) <= Millis::from_s(5), "{:?}", held(&silent));
}

#[test]
fn at_each_release_it_is_told_when_the_controller_is_expected_back() {
    let mut city = city(30, Millis::ZERO);
    drive(&mut city, |_, _| true);
    let told = city.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Returning { within, .. } => Some(*within),
        _ => None,
    });
    let told: Vec<Millis> = told.collect();
    // Whoever was not served in time has nothing to come back from; the rest gains a cycle in 500 s.
    assert!(told.len() >= usize::from(SIGNALS) - 2, "{told:?}");
    assert!(told.iter().all(|within| (Millis::ZERO..Millis::from_s(530)).contains(within)), "{told:?}");
}
