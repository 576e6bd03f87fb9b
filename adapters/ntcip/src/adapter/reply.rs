//! The answer to a read of version 1 or 2c, read in step with the request that it answers, by the
//! library's BER decoder: a name that is only to be compared is compared as it travels, and nothing
//! between is built. Version 3 comes through the library's own client.

use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::ber::{Decoder, tag};
use async_snmp::message::CommunityMessage;
use async_snmp::transport::alloc_request_id;
use async_snmp::version::CommunityVersion;
use async_snmp::{
    Candidate, CommunityResponsePolicy, Oid, RequestPdu, RequestRegistration, Result as Carried, Transport,
    Value as Wire,
};
use bytes::Bytes;
use tokio::time::Instant;

use super::credentials::Credentials;
use super::session::decode;
use super::transport::Guarded;
use crate::frame::{Name, Value};

/// What a device answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// The values of the objects that were asked for, in order; `None` for one that is not there.
    Values(Vec<Option<Value>>),
    /// An error status, and the index of the object from 1.
    Error(i32, i32),
}

/// Who asks: version and community.
pub(super) struct Asker {
    version: CommunityVersion,
    community: String,
    answer_within: Duration,
}

impl Asker {
    /// With credentials of version 1 or 2c.
    pub(super) fn of(credentials: &Credentials, answer_within: Duration) -> Option<Self> {
        let (version, community) = match credentials {
            Credentials::V1(community) => (CommunityVersion::V1, community.clone()),
            Credentials::V2c(community) => (CommunityVersion::V2c, community.clone()),
            Credentials::V3(_) => return None,
        };
        Some(Self { version, community, answer_within })
    }

    /// Ask for objects. Answers to anything else are passed over (X9).
    pub(super) async fn ask(&self, way: &Guarded, names: &[Name]) -> Result<Reply, String> {
        let id = alloc_request_id();
        let request = self.request(id, names).ok_or("a request that cannot be written")?;
        let deadline = Instant::now() + self.answer_within;
        let community = self.community.clone();
        let policy = CommunityResponsePolicy::Exact;
        let awaited = RequestRegistration::community(id, deadline, self.version, community, policy);
        let read = |datagram: Bytes, _: SocketAddr| -> Carried<Candidate<Reply>> {
            Ok(read(datagram, request.clone()).map_or(Candidate::Reject, Candidate::Accept))
        };
        way.request_with(&request, awaited, read).await.map_err(|error| error.to_string())
    }

    /// The datagram that asks for objects.
    pub(super) fn request(&self, id: i32, names: &[Name]) -> Option<Bytes> {
        let oids: Vec<Oid> = names.iter().map(|name| Oid::from_slice(name.arcs())).collect();
        let pdu = RequestPdu::get(self.version.into(), id, &oids).ok()?;
        CommunityMessage::new(self.version, self.community.as_str(), pdu).ok()?.encode().ok()
    }
}

/// The reply in a datagram, when it is one to this request: the same version, community and id, and the
/// same objects in the same order (X9).
pub(super) fn read(datagram: Bytes, request: Bytes) -> Option<Reply> {
    let (mut asked, mut answered) = (open(request)?, open(datagram)?);
    let same = asked.version == answered.version && asked.community == answered.community;
    if !same || asked.kind != tag::pdu::GET_REQUEST || answered.kind != tag::pdu::RESPONSE {
        return None;
    }
    let [id, _, _] = head(&mut asked.pdu)?;
    let [answers, status, index] = head(&mut answered.pdu)?;
    if id != answers {
        return None;
    }
    if status != 0 {
        return Some(Reply::Error(status, index));
    }
    let (asked, answered) = (asked.pdu.read_sequence().ok()?, answered.pdu.read_sequence().ok()?);
    bindings(asked, answered).map(Reply::Values)
}

/// A message as far as it says who speaks.
struct Opened {
    version: i32,
    community: Bytes,
    kind: u8,
    pdu: Decoder<'static>,
}

fn open(message: Bytes) -> Option<Opened> {
    let mut outer = Decoder::new(message).read_sequence().ok()?;
    let version = outer.read_integer().ok()?;
    let community = outer.read_octet_string().ok()?;
    let kind = outer.peek_tag()?;
    Some(Opened { version, community, kind, pdu: outer.read_constructed(kind).ok()? })
}

/// Request id, error status, error index.
fn head(pdu: &mut Decoder<'_>) -> Option<[i32; 3]> {
    Some([pdu.read_integer().ok()?, pdu.read_integer().ok()?, pdu.read_integer().ok()?])
}

/// The values of bindings of the same objects in the same order.
fn bindings(mut asked: Decoder<'_>, mut answered: Decoder<'_>) -> Option<Vec<Option<Value>>> {
    // A binding of a request has some twenty octets, its value none.
    let mut values = Vec::with_capacity(asked.remaining() / 16);
    while !asked.is_empty() {
        asked.expect_tag(tag::universal::SEQUENCE).ok()?;
        let length = answered.expect_tag(tag::universal::SEQUENCE).ok()?;
        let end = answered.remaining().checked_sub(length)?;
        if !same_name(&mut asked, &mut answered) {
            return None;
        }
        asked.skip_tlv().ok()?;
        values.push(decode(Wire::decode(&mut answered).ok()?));
        if answered.remaining() != end {
            return None;
        }
    }
    answered.is_empty().then_some(values)
}

/// Whether both go on with the same name; both stand behind it then.
fn same_name(asked: &mut Decoder<'_>, answered: &mut Decoder<'_>) -> bool {
    // Our own name is short, and most devices write the same octets.
    let name = asked.remaining_slice();
    let whole = name.get(1).and_then(|length| name.get(..2 + usize::from(*length)));
    if whole.is_some_and(|name| answered.remaining_slice().starts_with(name)) {
        return asked.skip_tlv().is_ok() && answered.skip_tlv().is_ok();
    }
    // A length may be written longer than it need be.
    matches!((asked.read_oid(), answered.read_oid()), (Ok(asked), Ok(answered)) if asked == answered)
}

#[cfg(test)]
mod tests {
    use async_snmp::{ErrorIndex, OutboundErrorStatus as Status, ResponsePdu, VarBind, Version};
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{GREENS, PREEMPT_STATE, UPTIME};

    fn asker(community: &str) -> Asker {
        Asker::of(&Credentials::V2c(community.into()), Duration::from_secs(1)).unwrap()
    }

    fn names() -> [Name; 3] {
        [GREENS.of(1), PREEMPT_STATE.of(200), UPTIME.at(&[0])]
    }

    /// A response of the library's own making.
    fn response(community: &str, id: i32, wrong: Option<u32>, bound: &[(Name, Wire)]) -> Bytes {
        let bound: Vec<VarBind> = bound
            .iter()
            .map(|(name, value)| VarBind::new(Oid::from_slice(name.arcs()), value.clone()))
            .collect();
        let index = wrong.map(|index| ErrorIndex::new(index, bound.len()).unwrap());
        let status = if index.is_some() { Status::GenErr } else { Status::NoError };
        let pdu = ResponsePdu::new(Version::V2c, id, status, index, bound).unwrap();
        CommunityMessage::new(CommunityVersion::V2c, community, pdu).unwrap().encode().unwrap()
    }

    fn bound() -> Vec<(Name, Wire)> {
        let values = [Wire::Integer(-7), Wire::NoSuchInstance, Wire::TimeTicks(4_000_000_000)];
        names().into_iter().zip(values).collect()
    }

    #[test]
    fn values_come_in_the_order_of_the_request() {
        let request = asker("c").request(5, &names()).unwrap();
        let expected = vec![Some(Value::Integer(-7)), None, Some(Value::Integer(4_000_000_000))];
        assert_eq!(read(response("c", 5, None, &bound()), request), Some(Reply::Values(expected)));
    }

    #[test]
    fn an_error_tells_which_object() {
        let request = asker("c").request(5, &names()).unwrap();
        assert_eq!(read(response("c", 5, Some(2), &bound()), request), Some(Reply::Error(5, 2)));
    }

    #[test]
    fn x9_what_answers_another_request_is_no_reply() {
        let request = asker("c").request(5, &names()).unwrap();
        let mut swapped = bound();
        swapped.swap(0, 1);
        let longer = [bound(), bound()].concat();
        for other in [
            response("d", 5, None, &bound()),
            response("c", 6, None, &bound()),
            response("c", 5, None, &swapped),
            response("c", 5, None, &bound()[..2]),
            response("c", 5, None, &longer),
            request.clone(),
        ] {
            assert_eq!(read(other, request.clone()), None);
        }
    }

    #[test]
    fn a_length_that_is_written_long_means_the_same() {
        let request = asker("c").request(5, &[UPTIME.at(&[0])]).unwrap();
        let binding = [0x06, 0x82, 0, 8, 43, 6, 1, 2, 1, 1, 3, 0, 0x02, 0x81, 1, 9];
        let element = |tag: u8, content: &[u8]| {
            [&[tag, 0x82, 0, u8::try_from(content.len()).unwrap()], content].concat()
        };
        let list = element(0x30, &element(0x30, &binding));
        let pdu = element(0xa2, &[&[2, 1, 5, 2, 1, 0, 2, 1, 0][..], &list].concat());
        let message = element(0x30, &[&[2, 1, 1, 4, 1, b'c'][..], &pdu].concat());
        assert_eq!(read(message.into(), request), Some(Reply::Values(vec![Some(Value::Integer(9))])));
    }

    proptest! {
        #[test]
        fn x8_no_datagram_makes_the_reader_panic(
            octets in proptest::collection::vec(any::<u8>(), 0..120), place: prop::sample::Index, other: u8,
        ) {
            let request = asker("c").request(5, &names()).unwrap();
            prop_assert_eq!(read(octets.into(), request.clone()), None);
            let mut damaged = response("c", 5, None, &bound()).to_vec();
            let at = place.index(damaged.len());
            damaged[at] = other;
            let _ = read(damaged.into(), request);
        }
    }
}
