//! From the octets of a device's answer to the engine's reading, one PDU at a time: median and 99th
//! percentile, against a bar of 5 microseconds.
//!
//!   cargo bench -p clearway-ntcip --bench decode
//!
//! A status of 64 groups, walkers among them, and 3 rows is the most that one message carries. In version
//! 3 the message is authenticated and decrypted by the same library before it is read; there a status
//! travels in messages of fewer objects, and the last of them is measured, with the engine's reading.

use std::hint::black_box;

use async_snmp::ber::Decoder;
use async_snmp::message::{CommunityMessage, MsgFlags, MsgGlobalData, ScopedPdu, V3Message, V3MessageData};
use async_snmp::v3::auth::{authenticate_message, verify_message};
use async_snmp::v3::{PrivKey, SaltCounter, UsmSecurityParams};
use async_snmp::version::CommunityVersion;
use async_snmp::{
    AuthProtocol, DecodeConfig, LocalizedKey, MasterKeys, MessageSize, Oid, PrivProtocol, ResponsePdu,
    SecurityLevel, Value as Wire, VarBind, Version,
};
use bytes::Bytes;
use clearway_contract::kit::timed::{percentiles, row};
use clearway_contract::kit::{TRANSIT, site};
use clearway_contract::{Answer, Ask, Protocol, Site};
use clearway_ntcip::adapter::{Credentials, User, read_request, read_response};
use clearway_ntcip::priority::{PrsStatus, Selector, StatusBlock};
use clearway_ntcip::{Exchange, Name, Profile, Request, Value, Values};

/// One PDU, nanoseconds.
const BAR_NS: u64 = 5_000;
const COMMUNITY: &str = "administrator";
const ID: i32 = 0x1234;

/// A datagram of the library's own making that holds `value` for every name.
fn response(version: CommunityVersion, names: &[Name], value: &Wire) -> Bytes {
    let pdu = ResponsePdu::success(version.into(), ID, bound(names, value)).expect("a response");
    CommunityMessage::new(version, COMMUNITY, pdu).and_then(|message| message.encode()).expect("a datagram")
}

fn bound(names: &[Name], value: &Wire) -> Vec<VarBind> {
    names.iter().map(|name| VarBind::new(Oid::from_slice(name.arcs()), value.clone())).collect()
}

/// A site with the most that one message carries: 64 groups, every third of them pedestrians, and three
/// preempt rows.
fn large() -> Site {
    let mut site = small();
    site.groups = site.groups.iter().copied().cycle().take(64).collect();
    site.group_numbers = (1..=64).collect();
    site
}

/// Three groups and three preempt rows.
fn small() -> Site {
    let mut site = site(Protocol::Ntcip);
    site.rows.truncate(TRANSIT.index());
    site
}

/// What one answer costs, and how long it is.
fn measure(runs: usize, version: CommunityVersion, site: Site) -> (usize, usize, (u64, u64)) {
    let mut exchange = Exchange::new(site, Profile::STANDARD);
    let requests = exchange.requests(&Ask::Status);
    let [Request::Get(names)] = requests.as_slice() else { panic!("one message") };
    let credentials = match version {
        CommunityVersion::V1 => Credentials::V1(COMMUNITY.into()),
        CommunityVersion::V2c => Credentials::V2c(COMMUNITY.into()),
    };
    let request = read_request(&credentials, ID, names).expect("a request");
    let datagram = response(version, names, &Wire::Integer(6));
    let taken = percentiles(runs, || {
        let read = read_response(black_box(datagram.clone()), request.clone()).expect("a response");
        let answer = exchange.answer(&Ask::Status, &named(names, read));
        assert!(matches!(answer, Answer::Status(_)));
        answer
    });
    (names.len(), datagram.len(), taken)
}

/// As the adapter hands them to the exchange.
fn named(names: &[Name], read: Vec<Option<Value>>) -> Values {
    let mut values = Values::with_capacity(names.len());
    for (name, value) in names.iter().zip(read) {
        value.into_iter().for_each(|value| values.insert(*name, value));
    }
    values
}

/// The status block of a priority request (NTCIP 1211), read by itself.
fn priority(runs: usize) -> (usize, (u64, u64)) {
    let mut exchange = Exchange::new(site(Protocol::Ntcip), Profile::STANDARD);
    let requests = exchange.requests(&Ask::Status);
    let [.., Request::Select { selector, buffer, .. }] = requests.as_slice() else { panic!("a poll") };
    let selector = Selector::decode(selector).expect("a selector");
    let block = StatusBlock { selector, status: PrsStatus::ActiveProcessing, reserved: 0 };
    let octets = Wire::OctetString(block.encode().to_vec().into());
    let names = [*buffer];
    let request = read_request(&Credentials::default(), ID, &names).expect("a request");
    let datagram = response(CommunityVersion::V1, &names, &octets);
    let taken = percentiles(runs, || {
        let read = read_response(black_box(datagram.clone()), request.clone()).expect("a response");
        match read.into_iter().next().flatten() {
            Some(Value::Octets(octets)) => StatusBlock::decode(&octets).expect("a block").status,
            other => panic!("{other:?}"),
        }
    });
    (datagram.len(), taken)
}

/// A device's engine and the keys of a user for it: SHA-256, AES-128.
struct Secured {
    auth: LocalizedKey,
    privacy: PrivKey,
}

impl Secured {
    const ENGINE: &'static [u8] = b"\x80\x00\x00\x00\x05engine";
    const BOOTS: u32 = 7;
    const TIME: u32 = 1_000;

    fn new() -> Self {
        let keys = MasterKeys::new(AuthProtocol::Sha256, b"authentication").expect("a password");
        let keys = keys.with_privacy(PrivProtocol::Aes128, b"encryption").expect("a password");
        let (auth, privacy) = keys.localize(Self::ENGINE).expect("keys");
        Self { auth, privacy: privacy.expect("a privacy key") }
    }

    /// The response as a device sends it.
    fn seal(&self, names: &[Name]) -> Bytes {
        let pdu = ResponsePdu::success(Version::V3, ID, bound(names, &Wire::Integer(6))).expect("a response");
        let scoped = ScopedPdu::new(Bytes::from_static(Self::ENGINE), Bytes::new(), pdu);
        let scoped = scoped.encode_to_bytes().expect("a scoped PDU");
        let salts = SaltCounter::new().expect("random octets");
        let (sealed, salt) =
            self.privacy.encrypt_aes(&scoped, Self::BOOTS, Self::TIME, &salts).expect("encrypted");
        let user = Bytes::from_static(b"engine");
        let usm = UsmSecurityParams::new(Bytes::from_static(Self::ENGINE), Self::BOOTS, Self::TIME, user);
        let usm = usm.and_then(|usm| usm.with_auth_placeholder(self.auth.mac_len()));
        let usm = usm.and_then(|usm| usm.with_priv_params(salt)).and_then(|usm| usm.encode());
        let size = MessageSize::new(1_472).expect("a size");
        let head = MsgGlobalData::new(ID, size, MsgFlags::new(SecurityLevel::AuthPriv, false));
        let message = V3Message::new_with_opaque_encrypted_scoped_pdu(
            head.expect("a head"),
            usm.expect("parameters"),
            sealed,
        );
        let mut octets = message.and_then(|message| message.encode()).expect("a datagram").to_vec();
        let (at, length) = UsmSecurityParams::find_auth_params_offset(&octets).expect("a place");
        authenticate_message(&self.auth, &mut octets, at, length).expect("authenticated");
        octets.into()
    }

    /// The bindings, by the steps that the library's client takes.
    fn open(&self, datagram: &Bytes) -> Vec<VarBind> {
        let message = V3Message::decode(datagram.clone(), DecodeConfig::default()).expect("a message").value;
        let usm = UsmSecurityParams::decode(message.security_params().clone(), DecodeConfig::default());
        let usm = usm.expect("parameters").value;
        let (at, length) = UsmSecurityParams::find_auth_params_offset(datagram).expect("a place");
        assert!(verify_message(&self.auth, datagram, at, length).expect("a key"), "authentic");
        let V3MessageData::Encrypted(sealed) = message.data() else { panic!("encrypted") };
        let (boots, time) = (usm.engine_boots(), usm.engine_time());
        let scoped = self.privacy.decrypt(sealed, boots, time, usm.priv_params()).expect("decrypted");
        let (_, _, varbinds) =
            ScopedPdu::decode(&mut Decoder::new(scoped)).expect("a scoped PDU").pdu.into_raw_parts();
        varbinds
    }
}

/// What the last answer of a status in version 3 costs, the engine's reading of the whole status in it:
/// how many objects it has, how many all have, its length, its time.
fn measure_secured(runs: usize, site: Site, names_max: usize) -> (usize, usize, usize, (u64, u64)) {
    let secured = Secured::new();
    let mut exchange = Exchange::new(site, Profile::STANDARD).with_status_names(names_max);
    let mut messages: Vec<Vec<Name>> = exchange
        .requests(&Ask::Status)
        .into_iter()
        .filter_map(|request| if let Request::Get(names) = request { Some(names) } else { None })
        .collect();
    let last = messages.pop().expect("a message");
    let before = messages.concat();
    let before = named(&before, vec![Some(Value::Integer(6)); before.len()]);
    let datagram = secured.seal(&last);
    let taken = percentiles(runs, || {
        let varbinds = secured.open(black_box(&datagram));
        assert!(varbinds.iter().map(|varbind| varbind.oid.arcs()).eq(last.iter().map(Name::arcs)));
        let mut values = before.clone();
        for (name, varbind) in last.iter().zip(varbinds) {
            let Wire::Integer(value) = varbind.value else { panic!("a number") };
            values.insert(*name, Value::Integer(value.into()));
        }
        let answer = exchange.answer(&Ask::Status, &values);
        assert!(matches!(answer, Answer::Status(_)));
        answer
    });
    let all = messages.iter().map(Vec::len).sum::<usize>() + last.len();
    (last.len(), all, datagram.len(), taken)
}

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 100_000 } else { 20 };
    println!("| PDU | octets | p50, µs | p99, µs | bar |");
    println!("| --- | --- | --- | --- | --- |");
    for (word, version) in [("1", CommunityVersion::V1), ("2c", CommunityVersion::V2c)] {
        for (groups, site) in [(3, small()), (64, large())] {
            let (objects, octets, taken) = measure(runs, version, site);
            let what = format!("NTCIP 1202 status of {groups} groups, {objects} objects, version {word}");
            println!("{}", row(&what, octets, taken, BAR_NS));
        }
    }
    let user = User::new("engine", ("sha256".parse().expect("known"), "authentication"), None);
    let most = Credentials::V3(Box::new(user.expect("a user"))).status_names_max().expect("a limit");
    for (groups, site) in [(3, small()), (64, large())] {
        let (objects, all, octets, taken) = measure_secured(runs, site, most);
        let what = format!("NTCIP 1202 status of {groups} groups, {objects} of {all} objects, version 3");
        println!("{}", row(&what, octets, taken, BAR_NS));
    }
    let (octets, taken) = priority(runs);
    println!("{}", row("NTCIP 1211 priority status", octets, taken, BAR_NS));
}
