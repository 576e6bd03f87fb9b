//! Ready-made sessions and messages, for measurements and fuzzing of the entry points:
//! [`crate::decode`], [`crate::Splitter::push`], [`Session::receive`].

use std::sync::Arc;

use clearway_signals::Millis;
use serde_json::{Value, json};

use crate::codec::encode;
use crate::frame::{CoreVersion, Message, SiteId, StatusValue, StatusValues, Version};
use crate::session::{Instant, Policy, Session};

const AT: &str = "2026-03-01T10:00:00.000Z";
const ID: &str = "e6b9a8c0-7d2f-4c35-9a1e-2f6a5f1b0c11";

/// A status update as a controller of 32 signal groups with two priority requests sends it when
/// everything that is subscribed changes at once; without its form feed.
#[must_use]
pub fn status_update() -> Vec<u8> {
    let requests = json!([
        {"r": "cw-1-00c0ffee-1", "s": "activated", "t": AT},
        {"r": "cw-2-00c0ffee-2", "s": "queued", "t": AT},
    ]);
    let values = [
        ("S0001", "signalgroupstatus", json!("11BBBB1111BBBBNNBB11BBBBBBBBGGGG")),
        ("S0002", "detectorlogicstatus", json!("01001000100010011010101001010101")),
        ("S0005", "status", json!("False")),
        ("S0007", "status", json!("True")),
        ("S0011", "status", json!("False")),
        ("S0013", "status", json!("0")),
        ("S0020", "controlmode", json!("control")),
        ("S0033", "status", requests),
    ];
    let value = |(code, name, value): (&str, &str, Value)| StatusValue {
        code: code.into(),
        name: name.into(),
        value,
        quality: "recent".into(),
    };
    let update = StatusValues {
        id: ID.into(),
        component: "TC".into(),
        at: AT.into(),
        values: values.into_iter().map(value).collect(),
        ..StatusValues::default()
    };
    let mut bytes = encode(&Message::StatusUpdate(update)).unwrap_or_default();
    bytes.pop();
    bytes
}

/// A session whose versions are exchanged: it judges every message that comes.
#[must_use]
pub fn session() -> Session {
    let now = Instant { at: Millis::ZERO, unix_ms: 0 };
    let mut session = Session::new(Arc::new(Policy::default()), 1, now);
    let version = Version {
        id: ID.into(),
        core: vec![CoreVersion { vers: "3.2.2".into() }],
        sxl: "1.2.1".into(),
        sites: vec![SiteId { id: "RN+SI0001".into() }],
    };
    session.receive(now, &encode(&Message::Version(version)).unwrap_or_default());
    session.drain_events().for_each(drop);
    session.take_output();
    session
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    #[test]
    fn the_samples_are_what_they_say() {
        assert!(
            matches!(decode(&status_update()), Ok(Message::StatusUpdate(update)) if update.values.len() == 8)
        );
        let mut session = session();
        assert!(session.agreed().is_some());
        let mut bytes = status_update();
        bytes.push(0x0c);
        session.receive(Instant::default(), &bytes);
        let answer = String::from_utf8(session.take_output()).expect("text");
        assert!(answer.contains("\"MessageAck\""), "{answer}");
    }
}
