//! What a controller says of a tram's request: that it serves it, and how it ended it.
#![forbid(unsafe_code)]

mod common;

use clearway_certify::Command;
use clearway_planner::{Event, Notice, Reason};
use clearway_signals::{Millis, RequestState};
use common::{City, TRAM, driven};

/// A late tram drives until it has asked somewhere; what it asked, and when it set out.
fn asked(city: &mut City) -> (Command, Millis) {
    let start = city.now;
    while city.commands.is_empty() && city.now < start + Millis::from_s(70) {
        let until = city.now + Millis::from_s(1);
        city.run_until(until, |city, now| city.tram(TRAM, driven(now, start), 120));
    }
    let (_, command) = city.commands.first().expect("a late tram asks where it can");
    (*command, start)
}

/// How a request has moved.
fn moves(city: &City, asked: &Command) -> Vec<RequestState> {
    let moved = |(_, notice): &(Millis, Notice)| match notice {
        Notice::Moved { request, state, .. } if *request == asked.request() => Some(*state),
        _ => None,
    };
    city.notices.iter().filter_map(moved).collect()
}

#[test]
fn a_trams_request_is_granted_when_the_controller_serves_it_without_a_preemption() {
    let mut city = City::new(4);
    let (command, start) = asked(&mut city);
    let soon = city.now + Millis::from_s(1);
    city.run_until(soon, |city, now| city.tram(TRAM, driven(now, start), 120));
    assert_eq!(moves(&city, &command), [RequestState::Activated]);
}

#[test]
fn a_trams_request_that_the_controller_ended_is_released_and_told_of_once() {
    let mut city = City::new(4);
    let (command, start) = asked(&mut city);
    for _ in 0..2 {
        city.apply(Event::Ended(command.controller(), command.request(), RequestState::Rejected));
    }
    assert_eq!(city.released(Reason::Ended), [command.controller()]);
    let later = city.now + Millis::from_s(10);
    city.run_until(later, |city, now| city.tram(TRAM, driven(now, start), 120));
    let ends: Vec<RequestState> = moves(&city, &command).into_iter().filter(|s| s.is_final()).collect();
    assert_eq!(ends, [RequestState::Rejected]);
    let again = |(_, c): &&(Millis, Command)| c.is_assert() && c.controller() == command.controller();
    assert!(
        city.commands.iter().filter(again).all(|(_, c)| c.request() == command.request()),
        "not within a cycle"
    );
}
