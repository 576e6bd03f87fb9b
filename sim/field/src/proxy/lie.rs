//! How a liar answers a write: as the controller would, without asking it.

use super::fault::Speech;

/// The lie, where the piece is a write; `None` lets it pass.
pub(super) fn lie(speech: Speech, piece: &[u8]) -> Option<Vec<u8>> {
    match speech {
        Speech::Snmp => snmp(piece),
        Speech::Modbus => modbus(piece),
        Speech::Rsmp => rsmp(piece),
    }
}

/// A SetRequest, repeated as its own response: same request id, same bindings (RFC 1157, 4.1.5).
fn snmp(datagram: &[u8]) -> Option<Vec<u8>> {
    const SET: u8 = 0xa3;
    const RESPONSE: u8 = 0xa2;
    let message = content(datagram, 0)?;
    let version = end_of(datagram, message)?;
    let community = end_of(datagram, version)?;
    (*datagram.get(community)? == SET).then(|| {
        let mut answer = datagram.to_vec();
        answer[community] = RESPONSE;
        answer
    })
}

/// Where the content of the element at `at` begins.
fn content(bytes: &[u8], at: usize) -> Option<usize> {
    let length = *bytes.get(at + 1)?;
    Some(at + 2 + if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) })
}

/// Where the element at `at` ends. Its length is one octet: so are those of version and community.
fn end_of(bytes: &[u8], at: usize) -> Option<usize> {
    let length = *bytes.get(at + 1)?;
    (length & 0x80 == 0).then(|| at + 2 + usize::from(length))
}

/// Functions 5, 6 and 16: the answer repeats where, and what or how many.
fn modbus(frame: &[u8]) -> Option<Vec<u8>> {
    let pdu = frame.get(7..12)?;
    matches!(pdu[0], 5 | 6 | 16).then(|| [&frame[..4], &[0, 6], &frame[6..7], pdu].concat())
}

/// A command: acknowledged, and nothing more comes of it.
fn rsmp(piece: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(piece).ok()?;
    let command = text.split('\u{c}').find(|message| message.contains("\"CommandRequest\""))?;
    let value: serde_json::Value = serde_json::from_str(command).ok()?;
    let id = value.get("mId")?.as_str()?;
    let ack = serde_json::json!({ "mType": "rSMsg", "type": "MessageAck", "oMId": id });
    Some(format!("{ack}\u{c}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_comes_back_as_its_own_response_and_a_get_passes() {
        // SEQUENCE { version 0, community "a", SetRequest { id 7, 0, 0, {} } }
        let set = [0x30, 0x10, 2, 1, 0, 4, 1, b'a', 0xa3, 8, 2, 1, 7, 2, 1, 0, 2, 1];
        let answer = lie(Speech::Snmp, &set).expect("a lie");
        assert_eq!((answer[8], &answer[9..], &answer[..8]), (0xa2, &set[9..], &set[..8]));
        let mut get = set;
        get[8] = 0xa0;
        assert_eq!(lie(Speech::Snmp, &get), None);
        assert_eq!(lie(Speech::Snmp, &[0x30]), None);
    }

    #[test]
    fn a_frame_is_confirmed_without_the_device() {
        let write = [0, 9, 0, 0, 0, 11, 1, 16, 0, 0, 0, 2, 4, 1, 2, 3, 4];
        assert_eq!(lie(Speech::Modbus, &write), Some(vec![0, 9, 0, 0, 0, 6, 1, 16, 0, 0, 0, 2]));
        assert_eq!(lie(Speech::Modbus, &[0, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 2]), None);
    }

    #[test]
    fn a_command_is_acknowledged_and_swallowed() {
        let command = "{\"mType\":\"rSMsg\",\"type\":\"CommandRequest\",\"mId\":\"x\"}\u{c}";
        let answer = String::from_utf8(lie(Speech::Rsmp, command.as_bytes()).expect("a lie")).unwrap();
        assert!(answer.contains("MessageAck") && answer.contains("\"x\"") && answer.ends_with('\u{c}'));
        assert_eq!(lie(Speech::Rsmp, b"{\"type\":\"Watchdog\"}"), None);
    }
}
