//! What becomes of arbitrary bytes in each decoder of RSMP. The fuzz targets call these functions, and
//! so does the stable test `tests/corpora.rs` for every file of the corpora.

use clearway_contract::kit::site;
use clearway_contract::{Ask, Protocol};
use clearway_egress::Passed;
use clearway_egress::rsmp::{RsmpAllow, check_packet};
use clearway_field::Station;
use clearway_field::faces::rsmp::{Options, STARTUP_INTERVAL, Site, SiteSettings};
use clearway_network::testing::corridor;
use clearway_rsmp::exchange::Exchange;
use clearway_rsmp::frame::{Ack, CoreVersion, SiteId, Version, Watchdog};
use clearway_rsmp::session::{Instant, Session};
use clearway_rsmp::{Binding, Message, Splitter, decode, encode, sample};
use clearway_signals::Millis;
use serde_json::Value;

/// A decoder.
pub type Decoder = fn(&[u8]);

/// Every decoder, by the name of its target and corpus.
pub const DECODERS: [(&str, Decoder); 5] = [
    ("exchange", decode_exchange),
    ("outgoing", decode_outgoing),
    ("packet", decode_packet),
    ("session", decode_session),
    ("site", decode_site),
];

const SITE_ID: &str = "RN+SI0001";
const ID: &str = "0a1b2c3d-0000-4000-8000-000000000001";
/// Sunday, 1 March 2026, 10:00 UTC.
const BEGIN_MS: i64 = 1_772_359_200_000;
const AT: &str = "2026-03-01T10:00:00.000Z";

fn now(s: i64) -> Instant {
    Instant { at: Millis::from_s(s), unix_ms: BEGIN_MS + s * 1_000 }
}

/// Messages as they come over the wire.
pub fn decode_packet(bytes: &[u8]) {
    for packet in Splitter::default().push(bytes).unwrap_or_default() {
        let Ok(read) = decode(&packet) else { continue };
        let mut written = encode(&read).expect("what was read can be written");
        assert_eq!(written.pop(), Some(0x0c));
        let again = decode(&written).expect("what was written can be read");
        assert_eq!((again.kind(), again.id()), (read.kind(), read.id()));
    }
}

/// What a site says to a supervisor, from the exchange of versions on.
pub fn decode_session(bytes: &[u8]) {
    let mut session = sample::session();
    settle(&mut session);
    for s in [1, 2] {
        session.receive(now(s), bytes);
        session.advance(now(s));
        let events = session.drain_events().count();
        // At most two for each message.
        assert!(events <= 2 * (bytes.len() + 1), "{events} events of {} bytes", bytes.len());
        let _ = messages(&session.take_output());
    }
}

/// What a site says while it is asked for its state.
pub fn decode_exchange(bytes: &[u8]) {
    let mut session = sample::session();
    settle(&mut session);
    let binding = Binding {
        request_lifetime: Some(Millis::from_s(15)),
        max_presence: Some(Millis::from_s(120)),
        ..Binding::new(SITE_ID)
    };
    let mut exchange = Exchange::new(site(Protocol::Rsmp), binding, session, 1);
    for (s, ask) in (1..).zip([Ask::Connect, Ask::Gate, Ask::Status, Ask::Counts, Ask::Status]) {
        exchange.begin(now(s), &ask);
        let acks = acknowledgements(&exchange.take_output());
        exchange.receive(now(s), &acks);
        exchange.receive(now(s), bytes);
        let _ = exchange.take_answer();
        exchange.advance(now(s + 1));
        let _ = (exchange.take_notes(), messages(&exchange.take_output()));
    }
}

/// The egress guard: a command that it lets out is a priority request of ours, however it is read.
pub fn decode_outgoing(bytes: &[u8]) {
    assert_ne!(check_packet(bytes, &RsmpAllow::default()), Ok(Passed::Write));
    let allow = RsmpAllow {
        component: "TC".into(),
        request_prefix: "cw-".into(),
        references: vec![("signalGroupId".into(), "A1".into()), ("inputId".into(), "7".into())],
        ..RsmpAllow::default()
    };
    if check_packet(bytes, &allow) != Ok(Passed::Write) {
        return;
    }
    let command: Value = serde_json::from_slice(bytes).expect("what the guard reads, others read");
    assert_eq!((&command["type"], &command["cId"]), (&"CommandRequest".into(), &"TC".into()));
    let arguments = command["arg"].as_array().expect("arguments");
    assert!(arguments.iter().all(|argument| argument["cCI"] == "M0022"));
    let id = arguments.iter().find(|argument| argument["n"] == "requestId").expect("an id");
    assert!(id["v"].as_str().is_some_and(|id| id.starts_with("cw-")));
}

/// What a supervisor says to an emulated site, from the exchange of versions on.
pub fn decode_site(bytes: &[u8]) {
    let network = corridor(1);
    let controller = &network.controllers[0];
    let emulator = clearway_field::Options {
        backup_time: Millis::ZERO,
        startup_interval: STARTUP_INTERVAL,
        ..clearway_field::Options::default()
    };
    let mut station = Station::new(controller, emulator);
    let options = Options::default();
    let settings = SiteSettings {
        site_id: SITE_ID.into(),
        cores: options.cores,
        supervisors: 1,
        timing: options.timing,
        follows_clock: true,
        controller: options.controller,
    };
    let mut site = Site::new(&network, controller, &station, settings, now(0));
    site.connected(0, now(0));
    for said in [None, Some(version()), Some(watchdog()), None] {
        site.receive(0, &bytes_of(said), &mut station, now(0));
        let acks = acknowledgements(&site.take_output(0));
        site.receive(0, &acks, &mut station, now(0));
    }
    assert!(site.is_up(0), "the site does not come up");
    for s in [3, 4] {
        site.receive(0, bytes, &mut station, now(s));
        station.advance(Millis::from_s(s));
        site.advance(&mut station, now(s));
        let _ = messages(&site.take_output(0));
    }
}

/// A supervisor's version.
fn version() -> Message {
    Message::Version(Version {
        id: ID.into(),
        core: vec![CoreVersion { vers: "3.2.2".into() }],
        sxl: "1.2.1".into(),
        sites: vec![SiteId { id: SITE_ID.into() }],
    })
}

fn watchdog() -> Message {
    Message::Watchdog(Watchdog { id: ID.into(), at: AT.into() })
}

/// The site's part of what follows the versions: everything acknowledged, a watchdog.
fn settle(session: &mut Session) {
    session.receive(now(0), &bytes_of([watchdog()]));
    for _ in 0..3 {
        let acks = acknowledgements(&session.take_output());
        session.receive(now(0), &acks);
    }
    session.drain_events().for_each(drop);
}

fn bytes_of(messages: impl IntoIterator<Item = Message>) -> Vec<u8> {
    messages.into_iter().flat_map(|message| encode(&message).expect("writes")).collect()
}

/// What was said, which must be RSMP.
fn messages(output: &[u8]) -> Vec<Message> {
    let packets = Splitter::default().push(output).expect("short enough");
    packets.iter().map(|packet| decode(packet).expect("we write RSMP")).collect()
}

fn acknowledgements(output: &[u8]) -> Vec<u8> {
    let said = messages(output);
    bytes_of(said.iter().filter_map(Message::id).map(|id| Message::MessageAck(Ack { of: id.into() })))
}
