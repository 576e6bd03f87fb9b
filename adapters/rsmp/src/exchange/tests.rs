//! The exchange before a scripted site: the conformance kit, and what is RSMP's own.

use std::sync::Arc;

use clearway_contract::kit::{CHECKS, Device, Face, MAIN, assertion, instant, site};
use clearway_contract::{Answer, Ask, Keeper, Protocol, Site, Step};
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RequestState, RowSet};
use serde_json::{Value, json};

use super::Exchange;
use crate::binding::{Binding, Means};
use crate::peer::Peer;
use crate::session::{Instant, Policy, Rights, Session};

mod gate;

fn binding() -> Binding {
    Binding {
        request_lifetime: Some(Millis::from_s(15)),
        max_presence: Some(Millis::from_s(120)),
        ..Binding::new("RN+SI0001")
    }
}

/// A site over the kit's device, with the exchange before it.
struct Desk {
    site: Site,
    binding: Binding,
    peer: Peer,
    exchange: Option<Exchange>,
    started: Millis,
    connections: u32,
}

impl Desk {
    fn new(site: &Site) -> Self {
        let (site, peer) = (site.clone(), Peer::new());
        Self { site, binding: binding(), peer, exchange: None, started: Millis::ZERO, connections: 0 }
    }

    fn connect(&mut self, now: Instant) {
        self.connections += 1;
        let session = Session::new(Arc::new(Policy::default()), u64::from(self.connections), now);
        let mut exchange = Exchange::new(self.site.clone(), self.binding.clone(), session, self.connections);
        exchange.receive(now, &self.peer.version());
        self.exchange = Some(exchange);
    }

    fn pump(&mut self, now: Instant, device: &mut Device) {
        let Some(exchange) = &mut self.exchange else { return };
        for _ in 0..50 {
            let output = exchange.take_output();
            if output.is_empty() {
                return;
            }
            exchange.leaves(1);
            let answers = self.peer.hear(device, &output);
            exchange.receive(now, &answers);
        }
        panic!("the exchange talks without end");
    }

    fn ask(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        let now = Instant { at: device.now, unix_ms: device.now.0 };
        if self.started != device.started {
            (self.started, self.exchange) = (device.started, None);
        }
        if *ask == Ask::Connect {
            self.connect(now);
        }
        self.peer.drop_outlived(device);
        let update = self.peer.update(device);
        let Some(exchange) = &mut self.exchange else { return Answer::Failed("not connected".into()) };
        exchange.receive(now, &update);
        exchange.begin(now, ask);
        self.pump(now, device);
        let answer = self.exchange.as_mut().and_then(Exchange::take_answer);
        answer.unwrap_or_else(|| Answer::Failed("no answer".into()))
    }

    /// Connect, and take the first reading.
    fn ready(site: &Site, change: impl FnOnce(&mut Self)) -> (Self, Device) {
        let (mut desk, mut device) = (Self::new(site), Device::new(site.clone()));
        change(&mut desk);
        assert_eq!(desk.ask(&Ask::Connect, &mut device), Answer::Connected);
        (desk, device)
    }

    fn commands(&self) -> Vec<Value> {
        self.peer.received.iter().filter(|m| m["type"] == "CommandRequest").cloned().collect()
    }
}

impl Face for Desk {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        self.ask(ask, device)
    }
}

#[test]
fn conformance() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&site(Protocol::Rsmp), &|site| Box::new(Desk::new(site)));
    }
}

#[test]
fn conformance_of_a_site_that_takes_no_subscription() {
    for (_, check) in CHECKS {
        check(&site(Protocol::Rsmp), &|site| {
            let mut desk = Desk::new(site);
            desk.peer.refuses_subscriptions = true;
            Box::new(desk)
        });
    }
}

#[test]
fn a_reading_holds_groups_mode_and_requests() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, |_| {});
    device.calls = RowSet::of(MAIN);
    let Answer::Status(reading) = desk.ask(&Ask::Status, &mut device) else { panic!("a status") };
    assert_eq!(reading.status.mode, Mode::Normal);
    assert_eq!(reading.status.greens, GroupSet::of(GroupId(0)));
    assert_eq!((reading.calls, reading.status.active), (RowSet::of(MAIN), Some(MAIN)));
    assert_eq!(reading.status.preempt, PreemptState::Dwell);
}

#[test]
fn a_status_reading_asks_for_the_read_back_alone() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, |_| {});
    desk.ask(&Ask::Status, &mut device);
    let request = desk.peer.received.iter().rfind(|m| m["type"] == "StatusRequest").expect("a request");
    assert_eq!(request["sS"], json!([{"sCI": "S0033", "n": "status"}]));
}

#[test]
fn counts_come_by_subscription() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, |_| {});
    let before = desk.peer.received.len();
    assert_eq!(desk.ask(&Ask::Counts, &mut device), Answer::Counts(vec![0, 0], vec![true, false]));
    assert_eq!(desk.peer.received.len(), before + 1, "only the update was acknowledged");
}

#[test]
fn counts_are_subscribed_in_a_message_of_their_own() {
    let subscribed = |counts_each: bool| {
        let site = site(Protocol::Rsmp);
        let (desk, _) = Desk::ready(&site, |desk| {
            desk.peer.counts_each = counts_each;
            desk.binding.detectors = vec![(2, "AB+84001=860DL002".into())];
        });
        let of = |m: &&Value| m["type"] == "StatusSubscribe";
        let name = |m: &Value| (m["cId"].clone(), m["sS"][0]["sCI"].clone());
        desk.peer.received.iter().filter(of).map(name).collect::<Vec<_>>()
    };
    let (watched, all) = ((json!("TC"), json!("S0001")), (json!("TC"), json!("S0205")));
    assert_eq!(subscribed(false), [watched.clone(), all.clone()]);
    let each = ["DL1", "AB+84001=860DL002"].map(|component| (json!(component), json!("S0201")));
    assert_eq!(subscribed(true), [vec![watched, all], each.to_vec()].concat());
}

#[test]
fn a_subscription_that_a_site_may_have_kept_is_ended_before_it_is_made_again() {
    let kinds = |core: &'static str| {
        let site = site(Protocol::Rsmp);
        let (desk, _) = Desk::ready(&site, |desk| desk.peer.cores = vec![core]);
        let of = |m: &&Value| m["cId"] == "TC" && m["sS"][0]["sCI"] == "S0001";
        let kind = |m: &Value| m["type"].as_str().expect("a type").to_owned();
        desk.peer.received.iter().filter(of).map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("3.1.3"), ["StatusSubscribe"], "there it ends with the connection");
    assert_eq!(kinds("3.1.4"), ["StatusUnsubscribe", "StatusSubscribe"]);
    assert_eq!(kinds("3.2.2"), ["StatusUnsubscribe", "StatusSubscribe"]);
}

#[test]
fn a_site_that_takes_flags_only_as_text_or_only_as_booleans_is_subscribed_all_the_same() {
    for (core, text) in [("3.2.2", false), ("3.2.2", true), ("3.1.5", true), ("3.1.5", false)] {
        let site = site(Protocol::Rsmp);
        let (desk, _) = Desk::ready(&site, |desk| {
            desk.peer.cores = vec![core];
            desk.peer.takes_text_flags = Some(text);
        });
        let of = |m: &&Value| m["type"] == "StatusSubscribe";
        let sent: Vec<(bool, &Value)> = desk
            .peer
            .received
            .iter()
            .filter(of)
            .map(|m| (m["sS"][0]["sOc"].is_string(), &m["sS"][0]["sCI"]))
            .collect();
        let first = core == "3.1.5";
        let expected: Vec<bool> = if first == text { vec![text; 2] } else { vec![first, first, text, text] };
        assert_eq!(sent.iter().map(|(text, _)| *text).collect::<Vec<_>>(), expected, "{core} {text}");
        let last = &sent[sent.len() - 2..];
        assert_eq!((last[0].1, last[1].1), (&json!("S0001"), &json!("S0205")));
        assert!(!desk.exchange.as_ref().expect("connected").asks_for_all);
    }
}

#[test]
fn every_end_of_a_request_that_the_controller_chose_is_remembered() {
    for word in ["rejected", "cooldown", "timeout"] {
        let site = site(Protocol::Rsmp);
        let (mut desk, mut device) = (Desk::new(&site), Device::new(site.clone()));
        desk.peer.refuses_requests = Some(word);
        let mut keeper = Keeper::new(site.clone(), clearway_contract::kit::PACE);
        run(&mut keeper, &mut desk, &mut device, Millis::from_s(2));
        let command = assertion(&site, MAIN, 1, 1, device.now, device.now + Millis::from_s(20));
        keeper.offer(instant(device.now), &command).expect("taken");
        run(&mut keeper, &mut desk, &mut device, Millis::from_s(6));
        let ended = desk.exchange.as_ref().and_then(Exchange::ended).expect("an end");
        assert_eq!((ended.row, ended.shown.state.word(), ended.by_us), (MAIN, word, false));
    }
}

/// Drive a keeper and the desk for a while, as the actor does.
fn run(keeper: &mut Keeper, desk: &mut Desk, device: &mut Device, until: Millis) {
    while device.now < until {
        match keeper.next(instant(device.now)) {
            Step::Ask(ask) => {
                let answer = desk.ask(&ask, device);
                device.advance(device.now + Millis(1));
                keeper.answer(instant(device.now), answer);
            }
            Step::Wait(at) => device.advance(at.max(device.now + Millis(1)).min(until)),
        }
    }
}

#[test]
fn a_request_is_new_once_then_updated_then_cancelled() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = (Desk::new(&site), Device::new(site.clone()));
    let mut keeper = Keeper::new(site.clone(), clearway_contract::kit::PACE);
    run(&mut keeper, &mut desk, &mut device, Millis::from_s(2));
    let command = assertion(&site, MAIN, 1, 1, device.now, device.now + Millis::from_s(10));
    keeper.offer(instant(device.now), &command).expect("taken");
    run(&mut keeper, &mut desk, &mut device, Millis::from_s(6));
    keeper.close(instant(device.now));
    run(&mut keeper, &mut desk, &mut device, Millis::from_s(8));
    assert!(keeper.is_quiet() && device.calls.is_empty());
    let commands = desk.commands();
    let argument = |command: &Value, name: &str| {
        let arguments = command["arg"].as_array().expect("arguments");
        arguments.iter().find(|a| a["n"] == name).map(|a| a["v"].clone())
    };
    let kinds: Vec<_> = commands.iter().filter_map(|command| argument(command, "type")).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&json!("new")), Some(&json!("cancel"))));
    assert!(kinds.len() > 3 && kinds[1..kinds.len() - 1].iter().all(|kind| kind == "update"));
    let ids: Vec<_> = commands.iter().filter_map(|command| argument(command, "requestId")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    for command in &commands[1..] {
        assert_eq!((argument(command, "inputId"), argument(command, "vehicleType")), (None, None));
    }
}

#[test]
fn a_rejected_request_is_given_up_with_the_controllers_word() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = (Desk::new(&site), Device::new(site.clone()));
    desk.peer.refuses_requests = Some("cooldown");
    let mut keeper = Keeper::new(site.clone(), clearway_contract::kit::PACE);
    run(&mut keeper, &mut desk, &mut device, Millis::from_s(2));
    let command = assertion(&site, MAIN, 1, 1, device.now, device.now + Millis::from_s(20));
    keeper.offer(instant(device.now), &command).expect("taken");
    run(&mut keeper, &mut desk, &mut device, Millis::from_s(6));
    let told: Vec<RequestState> = keeper
        .drain_events()
        .filter_map(|event| match event {
            clearway_contract::PortEvent::Ended(_, _, state) => Some(state),
            _ => None,
        })
        .collect();
    assert_eq!(told, [RequestState::Cooldown]);
    assert_eq!(desk.commands().len(), 1, "asked once");
}

#[test]
fn commands_without_expiry_go_only_by_waiver() {
    let site = site(Protocol::Rsmp);
    let means = vec![(MAIN, Means::EmergencyRoute(3))];
    let write_of = |rights: Rights| {
        let (mut desk, mut device) = Desk::ready(&site, |desk| {
            desk.binding.means = means.clone();
            desk.binding.rights = rights;
        });
        let mut keeper = Keeper::new(site.clone(), clearway_contract::kit::PACE);
        let mut write = None;
        let command = assertion(&site, MAIN, 1, 1, device.now, device.now + Millis::from_s(20));
        keeper.offer(instant(device.now), &command).expect("taken");
        while write.is_none() {
            let Step::Ask(ask) = keeper.next(instant(device.now)) else { panic!("an ask") };
            if matches!(ask, Ask::Write(_)) {
                write = Some(ask);
            } else {
                keeper.answer(instant(device.now), desk.ask(&ask, &mut device));
            }
        }
        let now = Instant { at: device.now, unix_ms: 0 };
        let exchange = desk.exchange.as_mut().expect("connected");
        exchange.begin(now, &write.expect("a write"));
        (exchange.take_answer(), String::from_utf8(exchange.take_output()).expect("text"))
    };
    let (answer, bytes) = write_of(Rights::default());
    assert!(matches!(answer, Some(Answer::Refused(why)) if why.contains("waiver")) && bytes.is_empty());
    let (answer, bytes) = write_of(Rights { waived: vec!["M0005".into()], ..Rights::default() });
    assert_eq!(answer, None);
    assert!(bytes.contains("M0005") && bytes.contains("\"emergencyroute\""), "{bytes}");
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, |_| {});
    let now = Instant { at: device.now, unix_ms: 0 };
    let exchange = desk.exchange.as_mut().expect("connected");
    exchange.begin(now, &Ask::Status);
    let first = exchange.take_output();
    let late = desk.peer.hear(&mut device, &first);
    device.calls = RowSet::of(MAIN);
    exchange.begin(now, &Ask::Status);
    exchange.receive(now, &late);
    assert!(!exchange.has_answer(), "the answer to an earlier request");
    desk.pump(now, &mut device);
    let answer = desk.exchange.as_mut().and_then(Exchange::take_answer);
    assert!(matches!(answer, Some(Answer::Status(reading)) if reading.calls == RowSet::of(MAIN)));
}

#[test]
fn a_site_without_aggregated_status_is_subscribed_all_the_same() {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = (Desk::new(&site), Device::new(site.clone()));
    desk.peer.has_no_aggregate = true;
    assert!(matches!(desk.ask(&Ask::Connect, &mut device), Answer::Failed(_)), "not yet");
    let exchange = desk.exchange.as_mut().expect("connected");
    assert_eq!(exchange.deadline(), super::AGGREGATED_WITHIN);
    let later = Instant { at: exchange.deadline(), unix_ms: 0 };
    exchange.begin(later, &Ask::Connect);
    exchange.advance(later);
    desk.pump(later, &mut device);
    let answer = desk.exchange.as_mut().and_then(Exchange::take_answer);
    assert_eq!(answer, Some(Answer::Connected));
    let asked = desk.peer.received.iter().filter(|m| m["type"] == "AggregatedStatusRequest").count();
    assert_eq!(asked, 1, "it is asked for once");
}
