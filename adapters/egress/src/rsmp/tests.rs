use proptest::prelude::*;

use super::*;

fn allow() -> RsmpAllow {
    RsmpAllow {
        component: "TC".into(),
        request_prefix: "cw-".into(),
        references: vec![("inputId".into(), "3".into()), ("connectionId".into(), "1".into())],
        routes: vec![7],
        inputs: vec![],
        commands: vec![],
    }
}

fn command(component: &str, code: &str, name: &str, arguments: &[(&str, &str)]) -> String {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|(key, value)| format!(r#"{{"cCI":"{code}","n":"{key}","cO":"{name}","v":"{value}"}}"#))
        .collect();
    let arguments = arguments.join(",");
    format!(
        r#"{{"mType":"rSMsg","type":"CommandRequest","mId":"x","ntsOId":"","xNId":"","cId":"{component}","arg":[{arguments}]}}"#
    )
}

fn request(arguments: &[(&str, &str)]) -> Result<Passed, Refused> {
    check_packet(command("TC", "M0022", "requestPriority", arguments).as_bytes(), &allow())
}

const NEW: [(&str, &str); 6] = [
    ("requestId", "cw-1-2-3"),
    ("inputId", "3"),
    ("vehicleType", "emergency"),
    ("type", "new"),
    ("level", "14"),
    ("eta", "20"),
];

#[test]
fn s5_questions_and_acknowledgements_pass_as_reads() {
    for kind in ["Version", "Watchdog", "MessageAck", "MessageNotAck", "StatusRequest", "StatusSubscribe"] {
        let text = format!(r#"{{"mType":"rSMsg","type":"{kind}"}}"#);
        assert_eq!(check_packet(text.as_bytes(), &allow()), Ok(Passed::Read), "{kind}");
    }
    let alarm = |kind: &str| {
        let text = format!(r#"{{"mType":"rSMsg","type":"Alarm","aSp":"{kind}"}}"#);
        check_packet(text.as_bytes(), &allow())
    };
    assert_eq!(alarm("Suspend"), Ok(Passed::Read));
    assert!(alarm("Issue").is_err());
}

#[test]
fn s5_a_priority_request_passes_whole_and_for_own_rows_alone() {
    assert_eq!(request(&NEW), Ok(Passed::Write));
    assert_eq!(request(&[("requestId", "cw-1"), ("type", "cancel"), ("level", "14")]), Ok(Passed::Write));
    let with = |index: usize, pair: (&'static str, &'static str)| {
        let mut arguments = NEW;
        arguments[index] = pair;
        request(&arguments)
    };
    for (index, pair) in [
        (0, ("requestId", "amb7")),
        (1, ("inputId", "4")),
        (1, ("signalGroupId", "3")),
        (1, ("eta", "20")),
        (2, ("securityCode", "1234")),
        (3, ("type", "update")),
        (3, ("type", "other")),
        (4, ("level", "15")),
        (4, ("level", "-1")),
        (5, ("eta", "256")),
    ] {
        assert!(with(index, pair).is_err(), "{pair:?}");
    }
}

#[test]
fn s5_other_commands_and_components_do_not_pass() {
    for (component, code, name, arguments) in [
        ("A1", "M0022", "requestPriority", &NEW[..]),
        ("TC", "M0001", "setValue", &[("status", "Dark")][..]),
        ("TC", "M0104", "setDate", &[("year", "2026")][..]),
        ("TC", "M0006", "setInput", &[("status", "True"), ("input", "1")][..]),
        ("TC", "M0005", "setEmergency", &[("status", "True"), ("emergencyroute", "8")][..]),
        ("TC", "M0005", "setEmergency", &[("status", "1"), ("emergencyroute", "7")][..]),
        ("TC", "M0022", "setValue", &NEW[..]),
    ] {
        let text = command(component, code, name, arguments);
        assert!(check_packet(text.as_bytes(), &allow()).is_err(), "{text}");
    }
    let primary = RsmpAllow { commands: vec!["M0104"], ..allow() };
    let clock = command("TC", "M0104", "setDate", &[("year", "2026")]);
    assert_eq!(check_packet(clock.as_bytes(), &primary), Ok(Passed::Write));
    let route = [("status", "True"), ("securityCode", "1"), ("emergencyroute", "7")];
    let waived = command("TC", "M0005", "setEmergency", &route);
    assert_eq!(check_packet(waived.as_bytes(), &allow()), Ok(Passed::Write));
}

#[test]
fn s5_a_second_command_does_not_hide_behind_the_first() {
    let text = command("TC", "M0022", "requestPriority", &NEW);
    let hidden = text.replace("]}", r#",{"cCI":"M0001","n":"status","cO":"setValue","v":"Dark"}]}"#);
    assert!(check_packet(hidden.as_bytes(), &allow()).is_err());
    let doubled = text.replace(r#""cId":"TC""#, r#""cId":"TC","cId":"other""#);
    assert!(check_packet(doubled.as_bytes(), &allow()).is_err());
    let twice = text.replace(r#""type":"CommandRequest""#, r#""type":"Watchdog","type":"CommandRequest""#);
    assert!(check_packet(twice.as_bytes(), &allow()).is_err());
    let behind = format!("{text}{text}");
    assert!(check_packet(behind.as_bytes(), &allow()).is_err());
}

proptest! {
    #[test]
    fn x8_no_bytes_make_the_guard_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = check_packet(&bytes, &allow());
    }

    #[test]
    fn s5_no_changed_byte_makes_another_write_pass(at in 0usize..600, byte in any::<u8>()) {
        let mut bytes = command("TC", "M0022", "requestPriority", &NEW).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if check_packet(&bytes, &allow()) == Ok(Passed::Write) {
            let text = String::from_utf8(bytes).expect("UTF-8");
            let within = text.contains(r#""n":"inputId","cO":"requestPriority","v":"3""#);
            prop_assert!(within && text.contains("M0022"), "{}", text);
        }
    }
}
