//! Entry points for fuzzing, one for each decoder: bytes in, invariants asserted. The targets in
//! `fuzz/` call them, and so does the stable test `tests/corpora.rs` for every file of the corpora.

use clearway_contract::{Ask, Site};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GroupId, GroupKind, GroupSet, Millis, Owner, Relation, RequestRow,
    RowKind, SignalGroup,
};

use crate::exchange::{Exchange, Request};
use crate::frame::{Name, Value};
use crate::priority::{PriorityRequest, Selector, ServiceTable, StatusBlock};
use crate::profile::Profile;
use crate::values::Values;

/// Takes bytes from outside and asserts what must hold of them.
#[cfg(feature = "adapter")]
pub type Decoder = fn(&[u8]);

/// Every decoder, by the name of its target and corpus.
#[cfg(feature = "adapter")]
pub const DECODERS: [(&str, Decoder); 4] = [
    ("egress", egress),
    ("object_values", object_values),
    ("priority_blocks", priority_blocks),
    ("response", response),
];

/// The blocks of NTCIP 1211: what decodes is the only thing that encodes so.
///
/// # Panics
/// When an invariant does not hold.
pub fn priority_blocks(bytes: &[u8]) {
    if let Ok(block) = Selector::decode(bytes) {
        assert_eq!(block.encode()[..], *bytes);
    }
    if let Ok(block) = PriorityRequest::decode(bytes) {
        assert_eq!(block.encode()[..], *bytes);
    }
    if let Ok((block, epoch_s)) = PriorityRequest::decode_absolute(bytes) {
        assert_eq!(block.encode_absolute(epoch_s)[..], *bytes);
    }
    if let Ok(block) = StatusBlock::decode(bytes) {
        assert_eq!(block.encode()[..], *bytes);
    }
    if let Ok(table) = ServiceTable::decode(bytes) {
        // The reserved octets at the end may hold anything.
        assert_eq!(table.encode()[..101], bytes[..101]);
    }
}

/// Values of objects: the exchange answers each ask, whatever the values are.
pub fn object_values(bytes: &[u8]) {
    let mut exchange = Exchange::new(site(), Profile::STANDARD);
    let mut rest = bytes.iter().copied().cycle().take(1 << 14);
    for ask in [Ask::Gate, Ask::Status, Ask::Counts, Ask::Status] {
        let mut values = Values::new();
        for request in exchange.requests(&ask) {
            let names: Vec<Name> = match request {
                Request::Get(names) => names,
                Request::Select { buffer, .. } => vec![buffer],
                Request::Set(_) => continue,
            };
            for name in names {
                match value(&mut rest) {
                    Some(value) => values.insert(name, value),
                    None => exchange.mark_absent(name),
                }
            }
        }
        let _ = exchange.answer(&ask, &values);
    }
}

fn value(bytes: &mut impl Iterator<Item = u8>) -> Option<Value> {
    let mut next = || bytes.next().unwrap_or(0);
    match next() % 7 {
        0 | 1 => Some(Value::Integer(next().into())),
        2 => Some(Value::Integer(i64::from_be_bytes(core::array::from_fn(|_| next())))),
        3 => {
            let length = usize::from(next() % 32);
            Some(Value::Octets((0..length).map(|_| next()).collect()))
        }
        4 => Some(Value::Other),
        5 => {
            let length = next() % 24;
            let arcs: Vec<u32> = (0..length).map(|_| next().into()).collect();
            Name::new(&arcs).map(|name| Value::Name(Box::new(name)))
        }
        _ => None,
    }
}

/// A controller with one group of each kind, a preempt row and a priority row of ours.
fn site() -> Site {
    let group = |kind| SignalGroup {
        kind,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis::ZERO,
    };
    let row = |number, kind, channel| RequestRow {
        number,
        kind,
        owner: Owner::Ours,
        channel,
        dwell: GroupSet::of(GroupId(0)),
        delay: Millis::ZERO,
        min_duration: Millis::ZERO,
        min_dwell: Millis::ZERO,
        max_presence: Millis::from_s(120),
    };
    Site {
        controller: ControllerId(0),
        name: "fuzzed".into(),
        protocol: clearway_contract::Protocol::Ntcip,
        address: String::new(),
        groups: vec![group(GroupKind::Vehicle), group(GroupKind::Pedestrian)],
        group_numbers: vec![2, 9],
        relations: vec![Relation::Compatible; 4],
        rows: vec![row(3, RowKind::Emergency, Channel::Preempt), row(1, RowKind::Transit, Channel::Priority)],
        capabilities: Capabilities::PREEMPT.union(Capabilities::PRIORITY).union(Capabilities::DETECTORS),
        detectors: vec![1, 12],
        backup_time_max: Millis::from_s(60),
    }
}

/// A datagram that a device sends, as the session reads it.
#[cfg(feature = "adapter")]
pub fn response(bytes: &[u8]) {
    use crate::adapter::{Credentials, read_request, read_response};
    let names = [crate::frame::GREENS.of(1), crate::frame::PREEMPT_STATE.of(3)];
    // As the seeds have it.
    let community = || "administrator".to_owned();
    for credentials in [Credentials::V1(community()), Credentials::V2c(community())] {
        let request = read_request(&credentials, 0x1234, &names).unwrap_or_default();
        let _ = read_response(bytes.to_vec().into(), request);
    }
}

/// A datagram that is about to leave, before the egress guard, in clear and as version 3.
///
/// # Panics
/// When the guard lets out a write that a list without any row does not allow.
#[cfg(feature = "adapter")]
pub fn egress(bytes: &[u8]) {
    use clearway_egress::snmp::{Level, check_message, check_message_v3};
    use clearway_egress::{AllowList, Passed};
    let nothing = AllowList::default();
    assert_ne!(check_message(bytes, &nothing), Ok(Passed::Write));
    for level in [Level::AuthNoPriv, Level::AuthPriv] {
        let checked = check_message_v3(bytes, &nothing, level, |sealed| Some(sealed.ciphertext.to_vec()));
        assert_ne!(checked, Ok(Passed::Write));
    }
}
