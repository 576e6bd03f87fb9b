//! The policy in the engine: what it refuses is not asked, and every grant and refusal names its rule.

mod common;

use clearway_certify::Class;
use clearway_network::testing::place;
use clearway_planner::policy::{Classes, Effect, Hours, Policy, Quota, Rule, RuleId, Scope};
use clearway_planner::turns::Precedence;
use clearway_planner::{DutyId, Event, LocalTime, Mission, Notice};
use clearway_signals::{ControllerId, Millis, MissionId, RowId, VehicleId};
use common::{City, ENGINE_101, TRAM, driven};

const FLEET: [Class; 4] = [Class::Emergency, Class::Emergency, Class::Tram, Class::Tram];

fn rule(name: &str, effect: Effect, classes: Classes) -> Rule {
    let (priority_max, duties, lines, controllers, hours) = (None, vec![], vec![], vec![], None);
    Rule { name: name.to_owned(), effect, classes, priority_max, duties, lines, controllers, hours }
}

fn city(rules: Vec<Rule>, quotas: Vec<Quota>) -> City {
    City::of(5, &FLEET, Policy::new(rules, quotas).unwrap())
}

fn drive(city: &mut City, mission: Mission) {
    city.apply(Event::Mission(mission));
    let start = city.now;
    city.run_until(start + Millis::from_s(80), |city, now| {
        city.fix(ENGINE_101, driven(now, start), 0.0, 90.0);
    });
}

/// Trams run along the corridor, the second one `gap_m` behind.
fn run_trams(city: &mut City, trams: &[(VehicleId, i32)], gap_m: f32, seconds: i64) {
    let start = city.now;
    city.run_until(start + Millis::from_s(seconds), |city, now| {
        for (n, (vehicle, lateness_s)) in trams.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)]
            let x = driven(now, start) - n as f32 * gap_m;
            if x > 0.0 {
                city.tram(*vehicle, x, *lateness_s);
            }
        }
    });
}

fn denied(city: &City) -> Vec<(VehicleId, ControllerId, RuleId)> {
    let found = city.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Denied { vehicle, controller, rule } => Some((*vehicle, *controller, *rule)),
        _ => None,
    });
    found.collect()
}

fn mission(duty: u8) -> Mission {
    Mission { duty: Some(DutyId(duty)), ..Mission::new(MissionId(1), ENGINE_101, place(1_150.0, 0.0)) }
}

#[test]
fn what_a_rule_refuses_is_not_asked_and_said_once_with_the_rules_name() {
    let zone = vec![ControllerId(1), ControllerId(2)];
    let refuse = Rule {
        controllers: zone,
        duties: vec![DutyId(3)],
        ..rule("no transfers in the centre", Effect::Refuse, Classes::of(Class::Emergency))
    };
    let mut there = city(vec![refuse.clone()], vec![]);
    drive(&mut there, mission(3));
    let expected: Vec<_> = [1, 2].map(|c| (ENGINE_101, ControllerId(c), RuleId(0))).to_vec();
    assert_eq!(denied(&there), expected);
    assert_eq!((there.called_at(1), there.called_at(2)), (None, None));
    assert!(there.called_at(3).is_some(), "elsewhere it goes on");

    let mut other_duty = city(vec![refuse], vec![]);
    drive(&mut other_duty, mission(4));
    assert!(other_duty.called_at(1).is_some() && denied(&other_duty).is_empty());
}

#[test]
fn a_grant_names_the_rule_that_allows_it() {
    let rules = vec![
        rule("trams", Effect::Refuse, Classes::of(Class::Tram)),
        rule("every mission", Effect::Allow { late_s: None }, Classes::of(Class::Emergency)),
    ];
    let mut city = city(rules, vec![]);
    drive(&mut city, mission(0));
    let called = city.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Called { rule, .. } => Some(*rule),
        _ => None,
    });
    assert!(called.clone().count() > 2 && called.into_iter().all(|rule| rule == Some(RuleId(1))));
}

#[test]
fn s16_hours_are_those_that_events_tell_and_unknown_time_lies_in_none() {
    let night = Hours { weekdays: 0b111_1111, from: 22 * 60, to: 6 * 60 };
    let refuse =
        Rule { hours: Some(night), ..rule("quiet nights", Effect::Refuse, Classes::of(Class::Tram)) };
    for (told, may) in [(None, true), (Some(12), true), (Some(23), false), (Some(5), false)] {
        let mut city = city(vec![refuse.clone()], vec![]);
        if let Some(hour) = told {
            city.apply(Event::LocalTime(LocalTime { weekday: 3, minute: hour * 60 }));
        }
        run_trams(&mut city, &[(TRAM, 120)], 0.0, 40);
        assert_eq!(city.commands.iter().any(|(_, c)| c.is_assert()), may, "{told:?}");
        assert_eq!(denied(&city).is_empty(), may, "{told:?}");
    }
}

#[test]
fn a_rule_sets_the_lateness_from_which_its_lines_ask() {
    let late = Rule {
        lines: vec![clearway_network::LineId(0)],
        ..rule("line 1 when very late", Effect::Allow { late_s: Some(300) }, Classes::of(Class::Tram))
    };
    for (lateness_s, asks) in [(120, false), (301, true)] {
        let mut city = city(vec![late.clone()], vec![]);
        run_trams(&mut city, &[(TRAM, lateness_s)], 0.0, 40);
        assert_eq!(city.commands.iter().any(|(_, c)| c.is_assert()), asks, "{lateness_s} s late");
    }
}

#[test]
fn x4_quotas_bound_what_is_held_at_once_and_what_is_granted_in_an_hour() {
    let quota = |per_hour, at_once| Quota {
        name: "the city's".into(),
        classes: Classes::ALL,
        scope: Scope::City,
        per_hour,
        at_once,
    };
    let mut at_once = city(vec![], vec![quota(None, Some(1))]);
    at_once.apply(Event::Mission(mission(0)));
    let start = at_once.now;
    at_once.run_until(start + Millis::from_s(80), |city, now| {
        city.fix(ENGINE_101, driven(now, start), 0.0, 90.0);
        let held = city.served.iter().filter(|served| served.row.is_some()).count();
        assert!(held <= 1, "{held} held at {now:?}");
    });
    assert!(at_once.called_at(3).is_some() && denied(&at_once).iter().all(|(_, _, rule)| *rule == RuleId(0)));
    assert!(!denied(&at_once).is_empty());

    let mut hourly = city(vec![], vec![quota(Some(2), None)]);
    drive(&mut hourly, mission(0));
    let calls = hourly.notices.iter().filter(|(_, notice)| matches!(notice, Notice::Called { .. })).count();
    assert_eq!(calls, 2);
    assert!(!denied(&hourly).is_empty());
}

#[test]
fn one_of_two_trams_asks_and_the_other_is_told_why_it_waits() {
    let mut city = city(vec![], vec![]);
    let second = VehicleId(3);
    run_trams(&mut city, &[(TRAM, 120), (second, 120)], 40.0, 45);
    let at_1: Vec<_> = city.commands.iter().filter(|(_, c)| c.controller() == ControllerId(1)).collect();
    let mut requests: Vec<_> = at_1.iter().filter(|(_, c)| c.is_assert()).map(|(_, c)| c.request()).collect();
    requests.dedup();
    assert_eq!(requests.len(), 1, "one grant a cycle");
    assert!(at_1.iter().all(|(_, c)| c.row() == RowId(3)));
    let first = city.notices.iter().find_map(|(_, notice)| match notice {
        Notice::Called { vehicle, controller: ControllerId(1), .. } => Some(*vehicle),
        _ => None,
    });
    assert_eq!(first, Some(TRAM));
    for (_, notice) in &city.notices {
        if let Notice::PutOff { vehicle, first, why, .. } = notice {
            assert_eq!((*vehicle, *first, *why), (second, TRAM, Precedence::LessDelay));
        }
    }
}
