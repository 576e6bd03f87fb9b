//! The calibration, small: windows hold about as often as they promise, and the same seed gives the
//! same trips.

use clearway_benches::calibration::report::quantile;
use clearway_benches::calibration::town::Town;
use clearway_benches::calibration::{Plan, Rates, steered, with_lead};
use clearway_signals::Millis;

const PLAN: Plan = Plan { trips: 60, learning: 60, lead_trips: 20, seed: 1 };

fn share(rates: &Rates, count: u32) -> f64 {
    f64::from(count) / f64::from(rates.windows.max(1))
}

#[test]
fn windows_hold_as_often_as_they_promise() {
    let rates = steered(&Town::new(PLAN.seed), &PLAN, 950, false);
    assert!(rates.windows > 1_000, "{} windows", rates.windows);
    let kept = share(&rates, rates.kept);
    assert!((0.92..=0.98).contains(&kept), "{kept:.3} of arrivals not before the window");
    assert!(share(&rates, rates.unstopped) > 0.98);
    let (median, p95) = (quantile(&rates.errors_s, 0.5), quantile(&rates.errors_s, 0.95));
    assert!(median <= 3.0 && p95 <= 8.0, "thirty seconds ahead: {median:.2} s, {p95:.2} s");
}

#[test]
fn a_fixed_lead_holds_longer_for_the_same_delay() {
    let town = Town::new(PLAN.seed);
    let engine = steered(&town, &PLAN, 950, false);
    // The longest of these leads that still delays the vehicle at least as much.
    let leads = [20, 22, 24, 26].map(|lead| with_lead(&town, &PLAN, Millis::from_s(lead)));
    let equal = leads.iter().rev().find(|lead| lead.delay_s() >= engine.delay_s());
    let equal = equal.expect("a short lead delays the vehicle");
    assert!(
        engine.hold_s() < 0.8 * equal.hold_s(),
        "{:.1} s against {:.1} s",
        engine.hold_s(),
        equal.hold_s()
    );
}

#[test]
fn the_same_seed_gives_the_same_trips() {
    let plan = Plan { trips: 6, learning: 2, ..PLAN };
    let run = || {
        let rates = steered(&Town::new(3), &plan, 990, true);
        (rates.delays_s, rates.errors_s, rates.kept)
    };
    assert_eq!(run(), run());
}
