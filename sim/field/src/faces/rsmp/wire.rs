//! What a site writes: messages without their ids, which every sending makes anew.

use clearway_rsmp::Message;
use clearway_rsmp::frame::{
    AggregatedStatus, Argument, CommandResponse, CoreVersion, ReturnValue, SiteId, StatusValue, StatusValues,
    Version, Watchdog,
};
use clearway_rsmp::time::timestamp;
use clearway_rsmp::version::{Core, Sxl};
use serde_json::Value;

/// Our versions and our site.
pub(crate) fn version(cores: &[Core], sxl: Sxl, site_id: &str) -> Message {
    Message::Version(Version {
        core: cores.iter().map(|core| CoreVersion { vers: core.word().into() }).collect(),
        sxl: sxl.word().into(),
        sites: vec![SiteId { id: site_id.into() }],
        ..Version::default()
    })
}

/// A sign of life.
pub(crate) fn watchdog(clock_ms: i64) -> Message {
    Message::Watchdog(Watchdog { at: timestamp(clock_ms), ..Watchdog::default() })
}

/// One value of a status; `None`: it is unknown.
pub(crate) fn status_value(code: &str, name: &str, value: Option<Value>) -> StatusValue {
    let quality = if value.is_some() { "recent" } else { "unknown" };
    StatusValue {
        code: code.into(),
        name: name.into(),
        value: value.unwrap_or_default(),
        quality: quality.into(),
    }
}

/// A value of a component that is not there.
pub(crate) fn undefined(code: &str, name: &str) -> StatusValue {
    StatusValue { quality: "undefined".into(), ..status_value(code, name, None) }
}

/// Values of statuses.
pub(crate) fn statuses(component: &str, at_ms: i64, values: Vec<StatusValue>) -> StatusValues {
    StatusValues { component: component.into(), at: timestamp(at_ms), values, ..StatusValues::default() }
}

/// What came of commands: the values as they were taken, or none for a component that is not there.
pub(crate) fn command_response(component: &str, at_ms: i64, arguments: &[Argument], known: bool) -> Message {
    let value = |argument: &Argument| ReturnValue {
        code: argument.code.clone(),
        name: argument.name.clone(),
        value: if known { argument.value.clone() } else { Value::Null },
        age: if known { "recent" } else { "undefined" }.into(),
    };
    Message::CommandResponse(CommandResponse {
        component: component.into(),
        at: timestamp(at_ms),
        rvs: arguments.iter().map(value).collect(),
        ..CommandResponse::default()
    })
}

/// The site's overall state: eight bits, no functional position, no functional state.
pub(crate) fn aggregated(component: &str, at_ms: i64, bits: [bool; 8]) -> Message {
    Message::AggregatedStatus(AggregatedStatus {
        component: Some(component.into()),
        at: timestamp(at_ms),
        bits,
        ..AggregatedStatus::default()
    })
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let block =
            chunk.iter().fold(0u32, |block, byte| block << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (block >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= chunk.len() { char::from(BASE64[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_the_rfc_shows() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
