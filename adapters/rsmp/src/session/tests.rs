//! Sessions with a scripted site: who says what when, and what is refused.

use std::collections::BTreeMap;

use clearway_contract::Protocol;
use clearway_contract::kit::{Device, site};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::peer::Peer;

const AT: &str = "2026-03-01T10:00:00.000Z";

/// What is wrong with a message.
type Change = fn(&mut Value);
/// How a site is another one.
type Habit = fn(&mut Peer);

fn now(s: i64) -> Instant {
    Instant { at: Millis::from_s(s), unix_ms: 1_772_359_200_000 + s * 1_000 }
}

fn read(bytes: &[u8]) -> Vec<Value> {
    let parts = bytes.split(|byte| *byte == 0x0c).filter(|part| !part.is_empty());
    parts.map(|part| serde_json::from_slice(part).expect("JSON")).collect()
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().expect("a type")).collect()
}

/// A session and a site that has connected; nothing is said yet.
struct Line {
    session: Session,
    peer: Peer,
    device: Device,
}

impl Line {
    fn new() -> Self {
        Self::with(Policy::default(), |_| {})
    }

    fn with(policy: Policy, change: impl FnOnce(&mut Peer)) -> Self {
        let mut peer = Peer::new();
        change(&mut peer);
        let device = Device::new(site(Protocol::Rsmp));
        Self { session: Session::new(Arc::new(policy), 1, now(0)), peer, device }
    }

    /// The site speaks its Version; the supervisor's answers, read.
    fn hello(&mut self) -> Vec<Value> {
        let version = self.peer.version();
        self.session.receive(now(0), &version);
        read(&self.session.take_output())
    }

    /// Let both talk until nobody has anything to say.
    fn pump(&mut self, at: Instant) {
        for _ in 0..20 {
            let output = self.session.take_output();
            if output.is_empty() {
                return;
            }
            let answers = self.peer.hear(&mut self.device, &output);
            self.session.receive(at, &answers);
        }
        panic!("they talk without end");
    }

    fn ready() -> Self {
        let mut line = Self::new();
        line.become_ready();
        line
    }

    fn become_ready(&mut self) {
        let version = self.peer.version();
        self.session.receive(now(0), &version);
        self.pump(now(0));
        assert!(self.session.is_ready(), "{:?}", self.session.closed());
        self.session.drain_events().for_each(drop);
        self.peer.received.clear();
    }

    /// The site says something; the supervisor's only answer.
    fn say(&mut self, kind: &str, fields: Value) -> Value {
        let (id, bytes) = self.peer.tell(kind, fields);
        self.session.receive(now(1), &bytes);
        let answers = read(&self.session.take_output());
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0]["oMId"], json!(id));
        answers.into_iter().next().expect("one")
    }

    fn refusal(&mut self, kind: &str, fields: Value) -> String {
        let answer = self.say(kind, fields);
        assert_eq!(answer["type"], "MessageNotAck", "{answer}");
        answer["rea"].as_str().expect("a reason").to_owned()
    }
}

#[test]
fn the_handshake_goes_in_the_order_of_the_standard() {
    let mut line = Line::new();
    let version = line.peer.version();
    line.session.receive(now(0), &version);
    line.pump(now(0));
    let supervisor = kinds(&line.peer.received);
    assert_eq!(supervisor, ["MessageAck", "Version", "MessageAck", "Watchdog", "MessageAck"]);
    let site = kinds(&line.peer.sent);
    assert_eq!(site, ["Version", "MessageAck", "Watchdog", "MessageAck", "AggregatedStatus"]);
    let events: Vec<Event> = line.session.drain_events().collect();
    assert!(matches!(events.first(), Some(Event::Agreed(agreed)) if agreed.core == Core::V3_2_2));
    assert!(events.contains(&Event::Ready));
}

#[test]
fn our_version_names_what_we_speak_and_the_sites_own_list_and_id() {
    let mut line = Line::with(Policy::default(), |peer| peer.cores = vec!["3.1.5", "3.2.0"]);
    let answers = line.hello();
    let version = &answers[1];
    let spoken: Vec<&str> = version["RSMP"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v["vers"].as_str().expect("text"))
        .collect();
    assert_eq!(
        spoken,
        ["3.1.2", "3.1.3", "3.1.4", "3.1.5", "3.2.0", "3.2.1", "3.2.2"],
        "in the site's spelling"
    );
    assert_eq!((&version["SXL"], &version["siteId"]), (&json!("1.1"), &json!([{"sId": "RN+SI0001"}])));
    assert_eq!(line.session.agreed().map(|agreed| agreed.core), Some(Core::V3_2));
}

#[test]
fn a_version_that_does_not_fit_is_refused_with_a_reason_and_the_connection_closed() {
    let only =
        |sxl| Policy { sites: Some(vec![Accepted { id: "RN+SI0001".into(), sxl }]), ..Policy::default() };
    let old = Policy { cores: vec![Core::V3_1_2], ..Policy::default() };
    let cases: [(Policy, Habit, &str); 6] = [
        (old, |_| {}, "RSMP versions"),
        (Policy::default(), |peer| peer.cores = vec!["4.0.0"], "RSMP versions"),
        (Policy::default(), |peer| peer.sxl = "9.9", "SXL version 9.9"),
        (only(None), |peer| peer.site_id = "RN+SI0002", "RN+SI0002 is unknown"),
        (only(Some(Sxl::V1_2)), |_| {}, "1.2 expected"),
        (Policy::default(), |peer| peer.site_id = "", "no site id"),
    ];
    for (policy, change, reason) in cases {
        let mut line = Line::with(policy, change);
        let answers = line.hello();
        assert_eq!(kinds(&answers), ["MessageNotAck"]);
        assert!(answers[0]["rea"].as_str().is_some_and(|rea| rea.contains(reason)), "{answers:?}");
        assert!(matches!(line.session.closed(), Some(CloseReason::Handshake(_))));
    }
    assert!(Line::with(only(Some(Sxl::V1_1)), |_| {}).hello().len() == 2);
}

#[test]
fn nothing_but_a_version_is_answered_before_the_versions_are_exchanged() {
    let mut line = Line::new();
    let watchdog = line.peer.watchdog();
    line.session.receive(now(0), &watchdog);
    line.session.receive(now(0), b"{\"mType\":\"rSMsg\",\"type\":\"Watchdog\",\"mId\":\"x\"}\x0c");
    assert!(line.session.take_output().is_empty() && line.session.closed().is_none());
    line.session.advance(now(30));
    assert!(matches!(line.session.closed(), Some(CloseReason::Handshake(_))));
}

#[test]
fn a_second_version_is_refused() {
    let mut line = Line::ready();
    let version = line.peer.version();
    line.session.receive(now(1), &version);
    let answers = read(&line.session.take_output());
    assert_eq!(
        (kinds(&answers), &answers[0]["rea"]),
        (vec!["MessageNotAck"], &json!("extraneous Version message"))
    );
    assert!(line.session.is_ready());
}

#[test]
fn a_site_that_refuses_our_version_is_left() {
    let mut line = Line::new();
    let answers = line.hello();
    let refusal = line.peer.say(json!({"type": "MessageNotAck", "oMId": answers[1]["mId"], "rea": "no"}));
    line.session.receive(now(0), &refusal);
    assert!(matches!(line.session.closed(), Some(CloseReason::Handshake(why)) if why.contains("no")));
}

#[test]
fn watchdogs_are_sent_by_interval_and_expected() {
    let mut line = Line::ready();
    assert_eq!(line.session.deadline(), Millis::from_s(60));
    for s in [60, 120] {
        line.session.advance(now(s));
        let sent = read(&line.session.take_output());
        assert_eq!(kinds(&sent), ["Watchdog"]);
        assert_eq!(sent[0]["wTs"], timestamp(now(s).unix_ms));
        let acknowledged = line.peer.acknowledge(&sent[0]);
        line.session.receive(now(s), &acknowledged);
    }
    line.session.advance(now(179));
    assert_eq!(line.session.drain_events().filter(|event| *event == Event::NoWatchdog).count(), 0);
    line.session.advance(now(180));
    assert_eq!(line.session.drain_events().filter(|event| *event == Event::NoWatchdog).count(), 1);
    assert_eq!(line.session.closed(), None, "a missing watchdog alone ends no connection");
    let mut line = Line::ready();
    let watchdog = line.peer.watchdog();
    line.session.receive(now(170), &watchdog);
    line.session.advance(now(180));
    assert!(line.session.drain_events().all(|event| event != Event::NoWatchdog));
}

#[test]
fn a_missing_acknowledgement_closes_the_connection() {
    let mut line = Line::ready();
    let asked = line.session.request_status(now(5), "TC", &[("S0001", "stage")]);
    assert!(asked.is_ok());
    line.session.advance(now(34));
    assert_eq!(line.session.closed(), None);
    line.session.advance(now(35));
    assert_eq!(line.session.closed(), Some(&CloseReason::NotAcknowledged("StatusRequest")));
    assert_eq!(line.session.request_status(now(36), "TC", &[("S0001", "stage")]), Err(Unsent::NotReady));
}

#[test]
fn messages_that_wait_for_their_acknowledgement_are_bounded() {
    let mut line = Line::ready();
    let sent = (0..1_000)
        .take_while(|_| line.session.request_status(now(1), "TC", &[("S0001", "stage")]).is_ok())
        .count();
    assert_eq!(sent, UNACKNOWLEDGED_MAX - 1);
    assert_eq!(line.session.request_status(now(1), "TC", &[("S0001", "stage")]), Err(Unsent::Busy));
}

#[test]
fn n7_nothing_is_sent_before_the_session_is_ready() {
    let mut line = Line::new();
    assert_eq!(line.session.request_status(now(0), "TC", &[("S0001", "stage")]), Err(Unsent::NotReady));
    line.hello();
    assert_eq!(line.session.request_status(now(0), "TC", &[("S0001", "stage")]), Err(Unsent::NotReady));
    assert!(line.session.take_output().is_empty());
}

#[test]
fn subscriptions_say_on_change_only_where_core_knows_it() {
    let wanted = [
        Wanted { code: "S0001", name: "stage", every_s: 0, on_change: true },
        Wanted { code: "S0002", name: "detectorlogicstatus", every_s: 5, on_change: false },
    ];
    for (core, expected) in [
        ("3.1.4", json!([{"uRt": "0"}, {"uRt": "5"}])),
        ("3.1.5", json!([{"uRt": "0", "sOc": "True"}, {"uRt": "5", "sOc": "False"}])),
        ("3.2", json!([{"uRt": "0", "sOc": "True"}, {"uRt": "5", "sOc": "False"}])),
        ("3.2.2", json!([{"uRt": "0", "sOc": true}, {"uRt": "5", "sOc": false}])),
    ] {
        let mut line = Line::with(Policy::default(), |peer| peer.cores = vec![core]);
        line.become_ready();
        line.session.subscribe(now(1), "TC", &wanted).expect("sent");
        let sent = read(&line.session.take_output());
        for (status, expected) in
            sent[0]["sS"].as_array().expect("a list").iter().zip(expected.as_array().expect("a list"))
        {
            assert_eq!((&status["uRt"], &status["sOc"]), (&expected["uRt"], &expected["sOc"]), "{core}");
        }
        let pointless = [Wanted { on_change: false, ..wanted[0] }];
        assert_eq!(line.session.subscribe(now(1), "TC", &pointless), Err(Unsent::Pointless));
    }
}

#[test]
fn what_a_version_does_not_know_is_not_sent() {
    let mut line = Line::with(Policy::default(), |peer| (peer.cores, peer.sxl) = (vec!["3.1.4"], "1.0.7"));
    line.become_ready();
    let session = &mut line.session;
    assert_eq!(session.request_aggregated_status(now(1), "TC"), Err(Unsent::Core("3.1.4")));
    assert_eq!(session.alarm(now(1), "TC", "A0001", AlarmAsk::Request), Err(Unsent::Core("3.1.4")));
    assert!(matches!(session.alarm(now(1), "TC", "A0303", AlarmAsk::Suspend), Err(Unsent::Mismatch(_))));
    assert!(matches!(session.request_status(now(1), "TC", &[("S0033", "status")]), Err(Unsent::Mismatch(_))));
    assert!(session.take_output().is_empty());
    for ask in [AlarmAsk::Acknowledge, AlarmAsk::Suspend, AlarmAsk::Resume] {
        assert!(session.alarm(now(1), "TC", "A0001", ask).is_ok());
    }
    let sent = read(&session.take_output());
    let words: Vec<&Value> = sent.iter().map(|alarm| &alarm["aSp"]).collect();
    assert_eq!(words, ["Acknowledge", "Suspend", "Resume"]);
}

#[test]
fn s14_a_command_beyond_our_rights_is_not_sent() {
    let mut line = Line::ready();
    let arguments = |code: &str, command: &str| {
        vec![crate::frame::Argument {
            code: code.into(),
            name: "status".into(),
            command: command.into(),
            value: json!("True"),
        }]
    };
    for (code, command) in [("M0001", "setValue"), ("M0104", "setDate"), ("M0005", "setEmergency")] {
        let unsent = line.session.command(now(1), &Rights::default(), "TC", arguments(code, command));
        assert!(matches!(unsent, Err(Unsent::Forbidden(forbidden, _)) if forbidden == code));
    }
    assert!(line.session.take_output().is_empty());
}

fn alarm(change: impl FnOnce(&mut Value)) -> Value {
    let mut alarm = json!({
        "ntsOId": "", "xNId": "", "cId": "TC", "aCId": "A0010", "xACId": "", "xNACId": "", "aSp": "Issue",
        "ack": "notAcknowledged", "aS": "Active", "sS": "notSuspended", "aTs": AT, "cat": "D", "pri": "3",
        "rvs": [],
    });
    change(&mut alarm);
    alarm
}

#[test]
fn alarms_are_acknowledged_as_messages_and_refused_when_they_are_not_whole() {
    let mut line = Line::ready();
    line.peer.sxl = "1.1";
    for kind in ["Issue", "Acknowledge", "Suspend", "Resume"] {
        let answer = line.say("Alarm", alarm(|alarm| alarm["aSp"] = json!(kind)));
        assert_eq!(answer["type"], "MessageAck", "{kind}");
    }
    let cases: [(Change, &str); 9] = [
        (|a| a["aSp"] = json!("Request"), "aSp"),
        (|a| a["aSp"] = json!("issue"), "aSp"),
        (|a| a["aS"] = json!("active"), "aS"),
        (|a| drop(a.as_object_mut().expect("fields").remove("sS")), "lacks sS"),
        (|a| a["cat"] = json!("X"), "cat"),
        (|a| a["pri"] = json!("4"), "pri"),
        (|a| a["aTs"] = json!("2026-03-01"), "timestamp"),
        (|a| a["aCId"] = json!("A9999"), "A9999"),
        (|a| a["rvs"] = json!([{"n": "color", "v": "red"}]), "color"),
    ];
    for (change, reason) in cases {
        let refusal = line.refusal("Alarm", alarm(change));
        assert!(refusal.contains(reason), "{refusal}");
    }
    let mut old = Line::with(Policy::default(), |peer| (peer.cores, peer.sxl) = (vec!["3.1.5"], "1.0.15"));
    old.become_ready();
    let lower = alarm(|alarm| (alarm["aSp"], alarm["aS"]) = (json!("issue"), json!("active")));
    assert_eq!(old.say("Alarm", lower)["type"], "MessageAck");
}

fn update(value: Value) -> Value {
    json!({"ntsOId": "", "xNId": "", "cId": "TC", "sTs": AT, "sS": [value]})
}

#[test]
fn statuses_are_refused_when_the_list_does_not_have_them() {
    let mut line = Line::ready();
    let good = json!({"sCI": "S0001", "n": "stage", "s": "3", "q": "recent"});
    assert_eq!(line.say("StatusUpdate", update(good))["type"], "MessageAck");
    let absent = json!({"sCI": "S9999", "n": "x", "s": null, "q": "unknown"});
    assert_eq!(line.say("StatusUpdate", update(absent))["type"], "MessageAck", "it says that it has none");
    for (value, reason) in [
        (json!({"sCI": "S0001", "n": "stage", "s": 3, "q": "recent"}), "not allowed"),
        (json!({"sCI": "S0001", "n": "stage", "s": "3", "q": "new"}), "quality"),
        (json!({"sCI": "S0001", "n": "moon", "s": "3", "q": "recent"}), "moon"),
        (json!({"sCI": "S9999", "n": "x", "s": "3", "q": "recent"}), "S9999"),
        (json!({"sCI": "S0001", "n": "stage", "s": null, "q": "recent"}), "not allowed"),
    ] {
        let refusal = line.refusal("StatusUpdate", update(value));
        assert!(refusal.contains(reason), "{refusal}");
    }
    let empty = json!({"cId": "TC", "sTs": AT, "sS": []});
    assert_eq!(line.say("StatusResponse", empty)["type"], "MessageAck", "there may be no value");
    let when =
        json!({"cId": "TC", "sTs": "now", "sS": [{"sCI": "S0001", "n": "stage", "s": "3", "q": "recent"}]});
    assert!(line.refusal("StatusResponse", when).contains("timestamp"));
    let mut old = Line::with(Policy::default(), |peer| peer.cores = vec!["3.1.5"]);
    old.become_ready();
    let array = json!({"sCI": "S0033", "n": "status", "s": [], "q": "recent"});
    assert!(old.refusal("StatusUpdate", update(array)).contains("arrays"));
}

#[test]
fn what_a_supervisor_does_not_serve_is_refused_and_so_is_what_nobody_knows() {
    let mut line = Line::ready();
    for (kind, fields) in [
        ("StatusRequest", json!({"cId": "TC", "sS": [{"sCI": "S0001", "n": "stage"}]})),
        ("StatusUnsubscribe", json!({"cId": "TC", "sS": [{"sCI": "S0001", "n": "stage"}]})),
        ("StatusSubscribe", json!({"cId": "TC", "sS": [{"sCI": "S0001", "n": "stage", "uRt": "1"}]})),
        ("CommandRequest", json!({"cId": "TC", "arg": []})),
        ("AggregatedStatusRequest", json!({"cId": "TC"})),
    ] {
        assert!(line.refusal(kind, fields).contains("does not serve"), "{kind}");
    }
    assert!(line.refusal("Watchdddog", json!({})).contains("unknown packet type: Watchdddog"));
    assert!(line.refusal("Watchdog", json!({"wTs": 5})).contains("not a message"));
    assert!(line.refusal("Watchdog", json!({"wTs": "noon"})).contains("wTs"));
    assert!(line.session.is_ready(), "a refusal closes nothing");
}

#[test]
fn an_id_that_is_no_uuid_is_refused() {
    let mut line = Line::ready();
    let bytes = line.peer.say(json!({"type": "Watchdog", "mId": "17", "wTs": AT}));
    line.session.receive(now(1), &bytes);
    let answers = read(&line.session.take_output());
    assert_eq!((kinds(&answers), &answers[0]["oMId"]), (vec!["MessageNotAck"], &json!("17")));
}

#[test]
fn a_stream_that_is_no_rsmp_is_closed() {
    let mut line = Line::ready();
    let block = vec![b'x'; crate::codec::MESSAGE_MAX];
    line.session.receive(now(1), &block);
    line.session.receive(now(1), b"x");
    assert!(matches!(line.session.closed(), Some(CloseReason::Stream(_))));
    let before = line.session.take_output();
    line.session.receive(now(2), b"{}\x0c");
    assert!(before.is_empty() && line.session.take_output().is_empty());
}

/// Messages as a site could send them, sound and unsound.
fn message() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "Watchdog", "wTs": AT})),
        Just(json!({"type": "Watchdog", "wTs": "noon"})),
        Just({
            let mut fields = update(json!({"sCI": "S0001", "n": "stage", "s": "3", "q": "recent"}));
            fields["type"] = json!("StatusUpdate");
            fields
        }),
        Just({
            let mut fields = alarm(|_| {});
            fields["type"] = json!("Alarm");
            fields
        }),
        Just(json!({"type": "CommandResponse", "cId": "TC", "cTS": AT, "rvs": []})),
        Just(json!({"type": "CommandRequest", "cId": "TC", "arg": []})),
        Just(json!({"type": "Version", "RSMP": [{"vers": "3.2"}], "SXL": "1.1", "siteId": [{"sId": "a"}]})),
        "[A-Za-z]{0,12}".prop_map(|kind| json!({"type": kind})),
        Just(json!({"cId": "TC"})),
    ]
}

proptest! {
    #[test]
    fn each_message_is_answered_exactly_once(messages in proptest::collection::vec(message(), 0..40), size in 1usize..200) {
        let mut line = Line::ready();
        let mut expected = BTreeMap::new();
        let mut stream = Vec::new();
        for mut fields in messages {
            // An acknowledgement is the one kind that is not answered.
            if matches!(fields["type"].as_str(), Some("MessageAck" | "MessageNotAck")) {
                continue;
            }
            let id = line.peer.id();
            fields["mId"] = json!(id);
            stream.extend(line.peer.say(fields));
            expected.insert(id, 0);
        }
        for piece in stream.chunks(size) {
            line.session.receive(now(1), piece);
        }
        for answer in read(&line.session.take_output()) {
            prop_assert!(matches!(answer["type"].as_str(), Some("MessageAck" | "MessageNotAck")), "{}", answer);
            *expected.get_mut(answer["oMId"].as_str().expect("an id")).expect("of the site's") += 1;
        }
        prop_assert!(expected.values().all(|count| *count == 1), "{:?}", expected);
    }

    #[test]
    fn x8_no_bytes_make_a_session_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), s in 0i64..400) {
        for mut session in [Line::new().session, Line::ready().session, crate::sample::session()] {
            session.receive(now(s), &bytes);
            session.receive(now(s), b"\x0c");
            session.advance(now(s));
            let _ = session.deadline();
        }
    }

    #[test]
    fn x8_no_changed_byte_makes_a_session_panic(at in 0usize..2_000, byte in any::<u8>()) {
        let mut bytes = crate::sample::status_update();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.push(0x0c);
        let mut session = Line::ready().session;
        session.receive(now(1), &bytes);
        prop_assert!(read(&session.take_output()).len() <= 2);
    }
}
