//! A whole way planned before anybody drives it: when each row would be called, green and released, and
//! whether the checker lets it pass.
//!
//! The engine plans the signals that may soon be asked, at every position anew. This plans all of a way
//! once, with the same [`Wave`]: controllers are taken to keep to their fixed-time plans, nobody else is
//! about, no queue stands. It is for people who look ahead; it allocates.

use clearway_certify::{Ask, Class, Draft, Finding, certify, worst_case_entry};
use clearway_network::{Controller, LinkId, Network};
use clearway_signals::limits::{GROUPS_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{ControllerId, ControllerStatus, Epoch, GroupSet, Millis, Mode, RequestId, RowKind};

use crate::along::{cumulate, signals_along};
use crate::config::Config;
use crate::cycle::Cycle;
use crate::drive::controller_of;
use crate::event::VehicleFix;
use crate::learn::{Learned, Period};
use crate::queue::Queue;
use crate::recovery::{AtExit, Recovery};
use crate::tracking::{Driver, Track};
use crate::transition::{Display, Shown};
use crate::watch::Watch;
use crate::wave::{Setting, Skip, Wave, WaveSignal};

/// What is planned.
#[derive(Clone, Copy, Debug)]
pub struct Journey<'a> {
    /// The way, link by link.
    pub way: &'a [LinkId],
    /// Where on the first link it begins, millimetres.
    pub from_mm: i64,
    /// Where on the last link it ends, millimetres.
    pub to_mm: i64,
    /// When the vehicle starts from standstill, on the clock of the controllers' plans.
    pub depart: Millis,
}

/// A whole way as planned.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// Every signal of the way.
    pub signals: Vec<WaveSignal>,
    /// Distance from the start of the first link to the end of each link, millimetres.
    pub ends_mm: Vec<i64>,
    /// When the vehicle arrives.
    pub arrives: Millis,
    /// What is asked of the controllers, all of it certified together.
    pub asks: Vec<Ask>,
    /// What the checker refused, in the order in which it was left out.
    pub refused: Vec<Finding>,
}

/// Plan an emergency vehicle's journey; `is_armed` says which controllers can be asked.
#[must_use]
pub fn outlook(network: &Network, journey: &Journey<'_>, is_armed: impl Fn(ControllerId) -> bool) -> Outlook {
    let config = Config { signals_ahead_max: ROUTE_SIGNALS_MAX, ..Config::default() };
    let learned = Learned::new(network, config.link_cv_permille);
    let entry = |controller: &Controller| {
        let junction = controller.junction();
        let bound = |row| worst_case_entry(&junction, row).unwrap_or(Millis::from_s(60));
        controller.rows.iter().map(bound).collect::<Vec<_>>()
    };
    let worst: Vec<_> = network.controllers.iter().map(entry).collect();
    let cycles: Vec<_> = network.controllers.iter().map(Cycle::new).collect();
    let watched = |controller| watch(controller, is_armed(controller.id), journey.depart);
    let watches: Vec<_> = network.controllers.iter().map(watched).collect();
    let queues = vec![Queue::default(); network.links.len()];
    let setting = Setting {
        network,
        config: &config,
        watches: &watches,
        queues: &queues,
        worst: &worst,
        cycles: &cycles,
        learned: &learned,
        period: Period::default(),
    };
    let wave = plan(&setting, journey);
    let (asks, refused) = certified(network, &wave.signals);
    Outlook { signals: wave.signals, ends_mm: wave.ends_mm, arrives: wave.arrives, asks, refused }
}

fn plan(setting: &Setting<'_>, journey: &Journey<'_>) -> Wave {
    let mut wave = Wave { way: journey.way.to_vec(), ..Wave::default() };
    cumulate(setting.network, &wave.way, &mut wave.ends_mm);
    let mut places = Vec::new();
    signals_along(setting.network, &wave.way, &wave.ends_mm, RowKind::Emergency, &mut places);
    wave.set_signals(&places);
    let standing = VehicleFix {
        vehicle: clearway_signals::VehicleId(0),
        received: journey.depart,
        place: setting.network.plane.origin(),
        heading_deg: None,
        speed_mps: Some(0.0),
        degraded: false,
        cadence: Millis(1_000),
    };
    let mut track = Track::start(journey.from_mm, &standing);
    track.driver = Driver::unknown(setting.learned.drivers());
    wave.track = Some(track);
    // The last link is driven no further than the destination.
    let before_last = wave.ends_mm.len().checked_sub(2).map_or(0, |n| wave.ends_mm[n]);
    if let Some(end_mm) = wave.ends_mm.last_mut() {
        *end_mm = (before_last + journey.to_mm).min(*end_mm);
    }
    wave.set_profile(setting.network, setting.learned, setting.period);
    wave.plan(setting, journey.depart, true);
    wave
}

/// From the release of a signal that is asked until its controller is expected back in its plan; the row is
/// taken to be released when the plan says, and to have dwelt since its green.
#[must_use]
pub fn back_after(network: &Network, recovery: &Recovery, signal: &WaveSignal) -> Option<Millis> {
    let controller = network.controller(signal.place.controller)?;
    let row = controller.rows.get(signal.place.row?.index()).filter(|_| signal.skip == Skip::No)?;
    let mut shown: Display = [Shown { green: false, since: signal.call_at }; GROUPS_MAX];
    for group in row.dwell.iter() {
        shown[group.index() % GROUPS_MAX] = Shown { green: true, since: signal.green_at };
    }
    let (zero, at, since) = (controller.plan.offset, signal.release_at, signal.call_at + row.delay);
    let back = recovery.predict(&AtExit { controller, zero, at, since, shown: &shown });
    (back.takes < Millis::NEVER).then_some(back.takes)
}

/// A controller as it is seen when it has kept to its plan for three cycles.
fn watch(controller: &Controller, armed: bool, now: Millis) -> Watch {
    let plan = &controller.plan;
    let mut edges: Vec<Millis> = Vec::new();
    for window in &plan.windows {
        for edge in [window.start, window.start + window.length] {
            let since = Millis((now - plan.offset - edge).0.rem_euclid(plan.cycle.0));
            edges.extend([0, 1, 2].map(|cycles| now - since - Millis(cycles * plan.cycle.0)));
        }
    }
    edges.push(now);
    edges.sort_unstable();
    let mut watch = Watch::default();
    watch.armed = armed;
    for at in edges {
        let greens = greens(controller, at);
        let status = ControllerStatus {
            controller: controller.id,
            at,
            mode: Mode::Normal,
            greens,
            ..Default::default()
        };
        watch.update(controller, &status);
    }
    watch
}

/// What the plan shows green.
fn greens(controller: &Controller, at: Millis) -> GroupSet {
    let plan = &controller.plan;
    let shown = plan
        .windows
        .iter()
        .filter(|window| (at - plan.offset - window.start).0.rem_euclid(plan.cycle.0) < window.length.0);
    shown.map(|window| window.group).collect()
}

/// The requests of a plan that the checker passes together, and what it says of those left out.
fn certified(network: &Network, signals: &[WaveSignal]) -> (Vec<Ask>, Vec<Finding>) {
    let asked = signals.iter().filter(|signal| signal.skip == Skip::No);
    let mut asks: Vec<Ask> = asked.zip(1..).filter_map(|(signal, n)| ask(signal, RequestId(n))).collect();
    let mut refused = Vec::new();
    while let Err(finding) = check(network, &asks) {
        refused.push(finding);
        let before = asks.len();
        match controller_of(finding) {
            // Of two requests to one controller the later one is left out first.
            Some(controller) => {
                let last = asks.iter().rposition(|ask| ask.controller == controller);
                last.map(|last| asks.remove(last));
            }
            None => asks.clear(),
        }
        if asks.len() == before {
            asks.clear();
        }
    }
    (asks, refused)
}

fn ask(signal: &WaveSignal, request: RequestId) -> Option<Ask> {
    Some(Ask {
        controller: signal.place.controller,
        row: signal.place.row?,
        request,
        wanted: signal.place.wanted,
        assert_at: signal.call_at,
        arrival: signal.arrival.mean.max(signal.call_at),
        release_at: signal.release_at.max(signal.call_at + Millis(1)),
    })
}

/// Whether the checker passes these requests of an emergency vehicle, with nothing else held anywhere.
///
/// # Errors
/// Its first finding.
pub fn check(network: &Network, asks: &[Ask]) -> Result<(), Finding> {
    let draft = Draft { class: Class::Emergency, asks };
    let junction = |id| network.controller(id).map(Controller::junction);
    certify(&draft, Epoch(1), junction, |_| None).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn journey(way: &[LinkId], depart: Millis) -> Journey<'_> {
        Journey { way, from_mm: 50_000, to_mm: 100_000, depart }
    }

    #[test]
    fn every_signal_of_a_long_way_is_promised_in_order_and_certified() {
        let network = corridor(30);
        let way = network.lines[0].links.clone();
        let outlook = outlook(&network, &journey(&way, Millis::from_s(40_000)), |_| true);
        assert_eq!((outlook.signals.len(), outlook.asks.len()), (30, 30));
        assert!(outlook.refused.is_empty());
        for (ask, signal) in outlook.asks.iter().zip(&outlook.signals) {
            assert!(ask.assert_at >= Millis::from_s(40_000) && ask.assert_at < ask.arrival);
            assert!(signal.green_at <= ask.release_at && ask.arrival < ask.release_at);
        }
        assert!(outlook.signals.windows(2).all(|w| w[0].arrival.mean < w[1].arrival.mean));
        assert!(outlook.arrives > outlook.signals[29].arrival.mean);
    }

    #[test]
    fn a_signal_that_is_not_armed_is_waited_for_and_not_asked() {
        let network = corridor(4);
        let way = network.lines[0].links.clone();
        let depart = Millis::from_s(3_600);
        let free = outlook(&network, &journey(&way, depart), |_| true);
        let held = outlook(&network, &journey(&way, depart), |id| id != ControllerId(1));
        assert_eq!((held.asks.len(), held.signals[1].skip), (3, Skip::NotArmed));
        assert!(held.signals[1].green_at >= held.signals[1].arrival.mean);
        assert!(held.arrives >= free.arrives);
        // The plan of the corridor's second controller decides, to the second, when it may go on.
        let plan = &network.controllers[1].plan;
        let position = (held.signals[1].green_at - plan.offset).0.rem_euclid(plan.cycle.0);
        assert!((0..25_000).contains(&position) || position >= 58_000, "{position}");
    }

    #[test]
    fn the_plan_is_seen_as_it_is_at_the_departure() {
        let network = corridor(2);
        for depart in (0..60).map(|s| Millis(7_200_000 + s * 1_000)) {
            let watch = watch(&network.controllers[1], true, depart);
            assert!(watch.in_step(&network.controllers[1]), "{depart:?}");
        }
    }
}
