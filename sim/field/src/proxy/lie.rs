//! How a liar answers a write: as the controller would, without asking it. And how an answer becomes
//! nonsense: its form stays, its values are drawn.

use super::fault::{Dice, Speech};

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

/// An answer with other values in it; what cannot be read, or holds no values, stays as it is.
pub(super) fn nonsense(speech: Speech, answer: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let changed = match speech {
        Speech::Snmp => snmp_nonsense(&answer, dice),
        Speech::Modbus => modbus_nonsense(&answer, dice),
        Speech::Rsmp => rsmp_nonsense(&answer, dice),
    };
    changed.unwrap_or(answer)
}

/// Every value that is bound to a name, in its own length.
fn snmp_nonsense(datagram: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    const RESPONSE: u8 = 0xa2;
    let mut answer = datagram.to_vec();
    let version = element(datagram, 0)?.start;
    let pdu = element(datagram, element(datagram, version)?.end)?.end;
    if datagram.get(pdu) != Some(&RESPONSE) {
        return None;
    }
    let id = element(datagram, pdu)?.start;
    let index = element(datagram, element(datagram, id)?.end)?.end;
    let bindings = element(datagram, element(datagram, index)?.end)?;
    let mut at = bindings.start;
    while at < bindings.end {
        let binding = element(datagram, at)?;
        let value = element(datagram, element(datagram, binding.start)?.end)?;
        answer.get_mut(value)?.iter_mut().for_each(|octet| *octet = dice.byte());
        at = binding.end;
    }
    Some(answer)
}

/// The content of the element at `at` (BER, definite lengths).
fn element(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let start = content(bytes, at)?;
    let short = bytes.get(at + 1).filter(|length| **length & 0x80 == 0).copied().map(usize::from);
    let long =
        || bytes.get(at + 2..start).map(|l| l.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)));
    let end = start.checked_add(short.or_else(long)?)?;
    (end <= bytes.len()).then_some(start..end)
}

/// What was read by functions 1 to 4.
fn modbus_nonsense(frame: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut answer = frame.to_vec();
    let values = matches!(frame.get(7)?, 1..=4).then(|| answer.get_mut(9..))??;
    values.iter_mut().for_each(|octet| *octet = dice.byte());
    Some(answer)
}

/// The values of statuses.
fn rsmp_nonsense(piece: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let text = str::from_utf8(piece).ok()?;
    let mut answer = String::with_capacity(text.len());
    for message in text.split_inclusive('\u{c}') {
        let parsed = serde_json::from_str::<serde_json::Value>(message.trim_end_matches('\u{c}'));
        match parsed.ok().and_then(|parsed| with_other_statuses(parsed, dice)) {
            Some(changed) => answer.extend([changed.to_string().as_str(), "\u{c}"]),
            None => answer.push_str(message),
        }
    }
    Some(answer.into_bytes())
}

fn with_other_statuses(mut message: serde_json::Value, dice: &mut Dice) -> Option<serde_json::Value> {
    for status in message.get_mut("sS")?.as_array_mut()? {
        *status.get_mut("s")? = dice.byte().to_string().into();
    }
    Some(message)
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
    fn nonsense_keeps_the_form_of_an_answer() {
        let mut dice = Dice::new(1);
        // version 0, community "a", GetResponse { id 7, 0, 0, { { 1.3 = 5 }, { 1.3 = "ab" } } }
        let bindings = [0x30, 6, 6, 1, 0x2b, 2, 1, 5, 0x30, 7, 6, 1, 0x2b, 4, 2, b'a', b'b'];
        let head = [0x30, 36, 2, 1, 0, 4, 1, b'a', 0xa2, 28, 2, 1, 7, 2, 1, 0, 2, 1, 0, 0x30, 17];
        let answer = [&head[..], &bindings].concat();
        let changed = nonsense(Speech::Snmp, answer.clone(), &mut dice);
        let same = |range: std::ops::Range<usize>| changed[range.clone()] == answer[range];
        assert!(same(0..28) && same(29..36) && !same(36..38), "{changed:?}");
        assert_eq!(nonsense(Speech::Snmp, answer[..30].to_vec(), &mut dice), answer[..30], "cut short");
        let read = [0, 9, 0, 0, 0, 7, 1, 4, 4, 1, 2, 3, 4];
        let changed = nonsense(Speech::Modbus, read.to_vec(), &mut dice);
        assert!(changed[..9] == read[..9] && changed[9..] != read[9..], "{changed:?}");
        let written = [0, 9, 0, 0, 0, 6, 1, 16, 0, 0, 0, 2];
        assert_eq!(nonsense(Speech::Modbus, written.to_vec(), &mut dice), written);
        let update = "{\"sS\":[{\"s\":\"True\",\"sCI\":\"S0005\"}],\"type\":\"StatusUpdate\"}\u{c}{\"type\":\"Watchdog\"}\u{c}";
        let changed = nonsense(Speech::Rsmp, update.as_bytes().to_vec(), &mut dice);
        let changed = String::from_utf8(changed).expect("text");
        assert!(!changed.contains("True") && changed.contains("S0005"), "{changed}");
        assert!(changed.ends_with("{\"type\":\"Watchdog\"}\u{c}"), "{changed}");
    }

    #[test]
    fn a_command_is_acknowledged_and_swallowed() {
        let command = "{\"mType\":\"rSMsg\",\"type\":\"CommandRequest\",\"mId\":\"x\"}\u{c}";
        let answer = String::from_utf8(lie(Speech::Rsmp, command.as_bytes()).expect("a lie")).unwrap();
        assert!(answer.contains("MessageAck") && answer.contains("\"x\"") && answer.ends_with('\u{c}'));
        assert_eq!(lie(Speech::Rsmp, b"{\"type\":\"Watchdog\"}"), None);
    }
}
