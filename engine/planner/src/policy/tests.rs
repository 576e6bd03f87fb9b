//! Rules and quotas by themselves.

use proptest::prelude::*;

use super::*;

fn rule(name: &str, effect: Effect) -> Rule {
    Rule {
        name: name.to_owned(),
        effect,
        classes: Classes::ALL,
        priority_max: None,
        duties: Vec::new(),
        lines: Vec::new(),
        controllers: Vec::new(),
        hours: None,
    }
}

const ALLOW: Effect = Effect::Allow { late_s: None };

fn asking(class: Class) -> Asking {
    let at = Some(LocalTime { weekday: 2, minute: 8 * 60 });
    Asking { class, priority: None, duty: None, line: None, controller: ControllerId(3), at }
}

fn decided<'a>(policy: &'a Policy, asking: &Asking) -> &'a str {
    policy.rule(asking).rule.map_or("none", |rule| policy.name(rule))
}

#[test]
fn the_first_rule_that_fits_decides_and_without_one_asking_is_allowed() {
    let peak = Hours { weekdays: 0b001_1111, from: 7 * 60, to: 9 * 60 };
    let rules = vec![
        Rule { controllers: vec![ControllerId(9)], ..rule("elsewhere", Effect::Refuse) },
        Rule {
            classes: Classes::of(Class::Bus),
            hours: Some(peak),
            ..rule("no buses at the peak", Effect::Refuse)
        },
        Rule { lines: vec![LineId(4)], ..rule("line 4 when very late", Effect::Allow { late_s: Some(180) }) },
        Rule { duties: vec![DutyId(1)], priority_max: Some(0), ..rule("vital transports", ALLOW) },
        Rule { duties: vec![DutyId(1)], ..rule("no other transports", Effect::Refuse) },
    ];
    let policy = Policy::new(rules, Vec::new()).unwrap();
    assert_eq!(decided(&policy, &asking(Class::Bus)), "no buses at the peak");
    assert_eq!(decided(&policy, &asking(Class::Tram)), "none");
    let unknown = Asking { at: None, ..asking(Class::Bus) };
    assert_eq!(decided(&policy, &unknown), "none", "an unknown time lies in no hours");
    let line = Asking { line: Some(LineId(4)), ..asking(Class::Tram) };
    assert_eq!((decided(&policy, &line), policy.rule(&line).late_s(30)), ("line 4 when very late", 180));
    let transport =
        |priority| Asking { duty: Some(DutyId(1)), priority: Some(priority), ..asking(Class::Emergency) };
    assert_eq!(policy.rule(&transport(0)).refused_by(), None);
    let refused = policy.rule(&transport(1)).refused_by().unwrap();
    assert_eq!(policy.name(refused), "no other transports");
}

#[test]
fn hours_run_over_midnight_and_belong_to_the_day_on_which_they_begin() {
    let night = Hours { weekdays: 1 << 4, from: 22 * 60, to: 5 * 60 };
    let at = |weekday, hour: u16| night.contain(LocalTime { weekday, minute: hour * 60 });
    assert_eq!(
        [at(4, 21), at(4, 22), at(5, 4), at(5, 5), at(5, 23), at(4, 4)],
        [false, true, true, false, false, false]
    );
    let sunday = Hours { weekdays: 1 << 6, from: 23 * 60, to: 60 };
    assert!(sunday.contain(LocalTime { weekday: 0, minute: 30 }), "into Monday");
}

fn quota(scope: Scope, per_hour: Option<u32>, at_once: Option<u32>) -> Quota {
    Quota { name: "the quota".into(), classes: Classes::ALL, scope, per_hour, at_once }
}

fn grant(vehicle: u32, minute: i64) -> Grant {
    let now = Millis::from_s(60 * minute);
    Grant { vehicle: VehicleId(vehicle), class: Class::Tram, controller: ControllerId(1), now }
}

#[test]
fn x4_a_quota_counts_each_vehicle_by_itself_and_forgets_after_an_hour() {
    let policy = Policy::new(Vec::new(), vec![quota(Scope::Vehicle, Some(2), None)]).unwrap();
    let mut usage = Usage::new(&policy, 4);
    let nobody = std::iter::empty::<(ControllerId, VehicleId, Class)>;
    usage.note(&policy, &grant(0, 3));
    usage.note(&policy, &grant(0, 40));
    assert_eq!(usage.broken(&policy, &grant(0, 50), nobody), Some(RuleId(0)));
    assert_eq!(usage.broken(&policy, &grant(1, 50), nobody), None);
    assert_eq!(usage.broken(&policy, &grant(0, 65), nobody), None, "the first one is over an hour old");
    usage.note(&policy, &grant(0, 65));
    assert_eq!(usage.broken(&policy, &grant(0, 65), nobody), Some(RuleId(0)));
    assert_eq!(usage.broken(&policy, &grant(0, 300), nobody), None);
}

#[test]
fn x4_a_zone_bounds_what_is_held_in_it_at_once() {
    let zone = Scope::Zone(vec![ControllerId(1), ControllerId(2)]);
    let policy = Policy::new(vec![rule("any", ALLOW)], vec![quota(zone, None, Some(2))]).unwrap();
    let mut usage = Usage::new(&policy, 4);
    let held = |controllers: &'static [u16]| {
        move || controllers.iter().map(|c| (ControllerId(*c), VehicleId(u32::from(*c)), Class::Bus))
    };
    assert_eq!(usage.broken(&policy, &grant(0, 1), held(&[1, 5, 6])), None);
    let broken = usage.broken(&policy, &grant(0, 1), held(&[2, 5, 1])).unwrap();
    assert_eq!((broken, policy.name(broken)), (RuleId(1), "the quota"));
    let outside = Grant { controller: ControllerId(7), ..grant(0, 1) };
    assert_eq!(usage.broken(&policy, &outside, held(&[2, 1])), None);
}

#[test]
fn a_policy_larger_than_its_bounds_is_refused() {
    let rules = vec![rule("one more", ALLOW); POLICY_RULES_MAX + 1];
    assert_eq!(Policy::new(rules, Vec::new()), Err(PolicyFault::TooLarge));
    let long = Rule { controllers: vec![ControllerId(0); POLICY_LIST_MAX + 1], ..rule("long", ALLOW) };
    assert_eq!(Policy::new(vec![long], Vec::new()), Err(PolicyFault::TooLarge));
}

proptest! {
    /// Within no hour are more grants made than the quota says, whatever the times.
    #[test]
    fn x4_no_hour_has_more_grants_than_the_quota(steps in proptest::collection::vec(0_i64..900_000, 1..300), max in 1_u32..20) {
        let policy = Policy::new(Vec::new(), vec![quota(Scope::City, Some(max), None)]).unwrap();
        let mut usage = Usage::new(&policy, 1);
        let nobody = std::iter::empty::<(ControllerId, VehicleId, Class)>;
        let (mut now, mut made) = (0, Vec::new());
        for step in steps {
            now += step;
            let grant = Grant { now: Millis(now), ..grant(0, 0) };
            if usage.broken(&policy, &grant, nobody).is_none() {
                usage.note(&policy, &grant);
                made.push(now);
            }
        }
        // Counted in stretches of five minutes: eleven of them and a part are never more than an hour.
        for (n, from) in made.iter().enumerate() {
            let within = made[n..].iter().filter(|at| **at < from + 55 * 60_000).count();
            prop_assert!(within <= max as usize);
        }
    }
}
