//! Policies as a file states them.

use clearway_network::testing::corridor;
use clearway_planner::LocalTime;
use clearway_planner::policy::Asking;

use super::*;

fn policy(text: &str) -> Policy {
    toml::from_str(text).unwrap()
}

const SITE: &str = r#"
    time_zone = "UTC"
    [[zone]]
    name = "centre"
    controllers = ["c0", "c2"]
    [[duty]]
    name = "fire"
    codes = ["C04"]
    priority = 0
    [[duty]]
    name = "transfer"
    codes = ["transport"]
    priority = 3
    [[rule]]
    name = "no transfers in the centre by day"
    effect = "refuse"
    duties = ["transfer"]
    zones = ["centre"]
    from = "06:00"
    to = "22:00"
    [[rule]]
    name = "line 1 when three minutes late"
    effect = "allow"
    classes = ["tram"]
    lines = ["1"]
    late_s = 180
    [[quota]]
    name = "trams of the centre"
    per = "zone"
    zone = "centre"
    classes = ["tram", "bus"]
    per_hour = 120
    at_once = 1
"#;

fn asking(class: Class, controller: u16, hour: u16) -> Asking {
    Asking {
        class,
        priority: None,
        duty: None,
        line: None,
        controller: ControllerId(controller),
        at: Some(LocalTime { weekday: 6, minute: hour * 60 }),
    }
}

#[test]
fn a_site_reads_as_it_is_written() {
    let site = policy(SITE);
    assert_eq!(site.faults(Some(&["c0", "c1", "c2"])), []);
    let rules = site.rules(&corridor(3)).unwrap();
    let transfer =
        |controller, hour| Asking { duty: Some(DutyId(1)), ..asking(Class::Emergency, controller, hour) };
    assert_eq!(
        rules.rule(&transfer(2, 12)).refused_by().map(|r| rules.name(r)),
        Some("no transfers in the centre by day")
    );
    assert_eq!(rules.rule(&transfer(1, 12)).rule, None, "elsewhere");
    assert_eq!(rules.rule(&transfer(2, 23)).rule, None, "at night");
    let tram = Asking { line: Some(LineId(0)), ..asking(Class::Tram, 1, 12) };
    assert_eq!(rules.rule(&tram).late_s(30), 180);
    assert_eq!(rules.quotas()[0].scope, Scope::Zone(vec![ControllerId(0), ControllerId(2)]));
}

#[test]
fn duties_are_found_by_code_or_label_and_give_the_usual_priority() {
    let duties = policy(SITE).duties();
    assert_eq!(duties.find("C04.02.01", "Dwelling fire"), Some((DutyId(0), Some(0))));
    assert_eq!(duties.find("", "Transport"), Some((DutyId(1), Some(3))));
    assert_eq!(duties.find("C01.00.00", "Person"), None);
    assert_eq!(Duties::default().find("C04", "fire"), None);
}

#[test]
fn every_slip_is_named_with_its_cure() {
    let slips = policy(
        r#"
        time_zone = "Europe/Atlantis"
        [[zone]]
        name = "centre"
        controllers = ["nowhere"]
        [[rule]]
        name = "same"
        effect = "refuse"
        duties = ["unknown"]
        zones = ["elsewhere"]
        from = "7:00"
        to = "25:00"
        late_s = 5
        priority_max = 9
        [[quota]]
        name = "same"
        per = "zone"
        "#,
    );
    let found: Vec<String> = slips.faults(Some(&["c0"])).into_iter().map(|(_, message, _)| message).collect();
    for part in [
        "Europe/Atlantis",
        "named `same` twice",
        "no such priority",
        "not two times of day",
        "yet has a lateness",
        "bounds nothing",
        "belong together",
        "no zone `elsewhere`",
        "no duty `unknown`",
        "no controller `nowhere`",
    ] {
        assert!(found.iter().any(|message| message.contains(part)), "{part}: {found:?}");
    }
    assert!(matches!(slips.rules(&corridor(1)), Err(PolicyError::Unknown(_))));
    let untimed = policy("[[rule]]\nname = \"n\"\neffect = \"allow\"\nfrom = \"07:00\"\nto = \"09:00\"\n");
    assert!(untimed.faults(None)[0].1.contains("no time zone"));
}

#[test]
fn times_of_day_have_two_digits_each() {
    assert_eq!([minute("00:00"), minute("07:30"), minute("24:00")], [Some(0), Some(450), Some(1_440)]);
    for wrong in ["7:30", "07:60", "24:01", "0730", "ab:cd", "+1:00", ""] {
        assert_eq!(minute(wrong), None, "{wrong}");
    }
}
