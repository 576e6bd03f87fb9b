use std::time::{Duration, Instant};

use super::*;
use clearway_certify::Command;
use clearway_feeds::Registry;
use clearway_network::testing::{corridor, place};
use clearway_planner::{Config, Engine};
use clearway_runtime::{Egress, Settings};
use clearway_signals::Epoch;

/// Nobody listens.
struct Nowhere;

impl Egress for Nowhere {
    fn dispatch(&mut self, _: Command, _: Option<u64>) -> bool {
        true
    }

    fn wake(&mut self) {}
}

/// A running engine on a corridor of three crossroads with one tram line, `e0` to `e3`.
fn running(cases: Cases) -> Incidents {
    let network = Arc::new(corridor(3));
    let clock = Clock::default();
    let engine = Engine::new(Arc::clone(&network), Vec::new(), Config::default(), Epoch(1));
    let settings = Settings { park: true, ..Settings::default() };
    let runtime = Runtime::start(engine, Box::new(Nowhere), clock.clone(), settings).unwrap();
    let board = Arc::new(Board::new(Registry::default(), network.controllers.len()));
    let wall: WallClock = Arc::new(|| WallMs(1_772_359_200_000));
    let zone = jiff::tz::TimeZone::UTC;
    Incidents::new(network, board, Around { runtime: Arc::new(runtime), clock, wall, zone, cases })
}

fn closing(link: &str) -> Asked {
    Asked {
        title: "Works".into(),
        origin: Origin::Operator,
        closed_to: ClosedTo::Transit,
        cause: Cause::Construction,
        links: vec![link.into()],
        place: None,
        lasts: None,
    }
}

/// Wait, within bounds, until so many lines are diverted.
fn diverted(incidents: &Incidents, lines: usize) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if incidents.decided().len() == lines {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_closure_is_decided_and_its_end_undoes_it() {
    let incidents = running(Cases::Propose);
    let opened = incidents.open(&closing("e1")).unwrap();
    assert_eq!(opened.state, State::Active);
    assert!(diverted(&incidents, 1));
    assert_eq!(incidents.decided()[0].closed, opened.links);
    assert_eq!(incidents.end(opened.id).unwrap().state, State::Ended);
    assert!(diverted(&incidents, 0));
    assert_eq!(incidents.end(opened.id).unwrap_err(), Refusal::Unknown(opened.id));
}

#[test]
fn a_link_that_two_incidents_close_opens_with_the_second_ones_end() {
    let incidents = running(Cases::Propose);
    let first = incidents.open(&closing("e1")).unwrap();
    let all = Asked { closed_to: ClosedTo::All, ..closing("e1") };
    let second = incidents.open(&all).unwrap();
    assert!(diverted(&incidents, 1));
    incidents.end(second.id).unwrap();
    let (now, _) = incidents.now();
    let inner = incidents.inner();
    assert!(incidents.tell_engine(&inner, &first.links, now), "told again what still holds");
    drop(inner);
    assert!(diverted(&incidents, 1));
    incidents.end(first.id).unwrap();
    assert!(diverted(&incidents, 0));
}

#[test]
fn a_case_closes_nothing_until_it_is_confirmed() {
    let incidents = running(Cases::Propose);
    let case = clearway_feeds::Incident {
        case: "fi.case.1".into(),
        received: Millis(0),
        code: "C04.02.01".into(),
        label: "Dwelling fire".into(),
        place: Some(place(300.0, 0.0)),
        priority: None,
    };
    incidents.take_case(&case);
    incidents.take_case(&case);
    let listed = incidents.list();
    assert_eq!((listed.len(), listed[0].state), (1, State::Proposed), "told twice, listed once");
    assert!(incidents.decided().is_empty());
    incidents.confirm(listed[0].id).unwrap();
    assert!(diverted(&incidents, 1));
    assert_eq!(incidents.confirm(listed[0].id).unwrap_err(), Refusal::Unknown(listed[0].id));

    let deaf = running(Cases::Ignore);
    deaf.take_case(&case);
    assert!(deaf.list().is_empty());
    let eager = running(Cases::Close);
    eager.take_case(&case);
    assert!(diverted(&eager, 1));
}

#[test]
fn what_cannot_be_closed_is_refused_whole() {
    let incidents = running(Cases::Propose);
    let two = Asked { links: vec!["e1".into(), "nowhere".into()], ..closing("e1") };
    assert_eq!(incidents.open(&two).unwrap_err(), Refusal::UnknownLink("nowhere".into()));
    let at =
        |x, radius_m| Asked { links: Vec::new(), place: Some((place(x, 150.0), radius_m)), ..closing("e1") };
    assert_eq!(incidents.open(&at(300.0, None)).unwrap_err(), Refusal::NoLink);
    assert!(incidents.open(&at(300.0, Some(160.0))).unwrap().links.len() > 1, "a wider circle has some");
    let many = Asked { links: vec!["e1".into(); 3], ..closing("e1") };
    assert_eq!(incidents.open(&many).unwrap().links.len(), 1, "the same link three times is one");
}

#[test]
fn x8_the_list_is_bounded_and_open_incidents_are_never_dropped() {
    let incidents = running(Cases::Propose);
    let first = incidents.open(&closing("e0")).unwrap();
    for _ in 1..INCIDENTS_MAX {
        incidents.open(&closing("e1")).unwrap();
    }
    assert_eq!(incidents.open(&closing("e2")).unwrap_err(), Refusal::Full);
    incidents.end(first.id).unwrap();
    assert!(incidents.open(&closing("e2")).is_ok(), "the one that ended made room");
    assert_eq!(incidents.list().len(), INCIDENTS_MAX);
}
