//! The few writes that leave: preempt calls (NTCIP 1202) and priority blocks (NTCIP 1211).

use super::binding;
use crate::allow::{AllowList, Passed, Refused};
use crate::ber::{INTEGER, OCTETS, Reader, arcs, number};

/// NTCIP 1202 preemptControlState, without the row number.
const PREEMPT_CONTROL_STATE: [u32; 14] = [1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2];
/// NTCIP 1211, the objects of a priority request generator.
const PRIORITY_GENERATOR: [u32; 11] = [1, 3, 6, 1, 4, 1, 1206, 4, 2, 11, 2];
/// A priority request is for a vehicle that has left after this time at the latest, seconds.
const DEPARTURE_MAX_S: u16 = 300;
/// Class 1 is for emergency vehicles, which never come over this channel.
const CLASS_FIRST: u8 = 2;
const CLASS_LAST: u8 = 10;

const REQUEST: u32 = 1;
const UPDATE: u32 = 2;
const STATUS_CONTROL: u32 = 3;
const CANCEL: u32 = 5;
const CLEAR: u32 = 6;
const REQUEST_ABSOLUTE: u32 = 8;
const UPDATE_ABSOLUTE: u32 = 9;

/// The bindings of a SET.
pub(super) fn check(bindings: &mut Reader<'_>, allow: &AllowList) -> Result<Passed, Refused> {
    if bindings.is_empty() {
        return Err(Refused::Malformed("a SET of nothing"));
    }
    let mut passed = Passed::Read;
    while !bindings.is_empty() {
        let (name, tag, value) = binding(bindings)?;
        let arcs = arcs(name)?;
        let one = if let Some(row) = arcs.strip_prefix(&PREEMPT_CONTROL_STATE[..]) {
            check_preempt(row, tag, value, allow)?
        } else if let Some(below) = arcs.strip_prefix(&PRIORITY_GENERATOR[..]) {
            check_priority(below, tag, value, allow)?
        } else {
            return Err(Refused::NotAllowed("an object that is never written"));
        };
        if one == Passed::Write {
            passed = Passed::Write;
        }
    }
    Ok(passed)
}

fn check_preempt(row: &[u32], tag: u8, value: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
    let &[row] = row else {
        return Err(Refused::NotAllowed("no instance of preemptControlState"));
    };
    if !u8::try_from(row).is_ok_and(|row| allow.preempt_rows.contains(row)) {
        return Err(Refused::NotAllowed("a preempt row that is not ours"));
    }
    if tag != INTEGER || !matches!(number(value)?, 0 | 1) {
        return Err(Refused::Value("preemptControlState"));
    }
    Ok(Passed::Write)
}

/// A priority block: about a request and a strategy of ours, of no emergency class, soon over.
/// Scalars end in `.0`, in `.1` or in nothing, as the vendor has it.
fn check_priority(below: &[u32], tag: u8, value: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
    let (&[object] | &[object, 0 | 1]) = below else {
        return Err(Refused::NotAllowed("no instance of a priority object"));
    };
    let times = match (object, value.len()) {
        (REQUEST | UPDATE, 25) | (REQUEST_ABSOLUTE | UPDATE_ABSOLUTE, 29) => true,
        (STATUS_CONTROL | CANCEL | CLEAR, 21) => false,
        (REQUEST | UPDATE | STATUS_CONTROL | CANCEL | CLEAR | REQUEST_ABSOLUTE | UPDATE_ABSOLUTE, _) => {
            return Err(Refused::Value("a priority block of another length"));
        }
        _ => return Err(Refused::NotAllowed("an object that is never written")),
    };
    if tag != OCTETS {
        return Err(Refused::Value("a priority block of another type"));
    }
    let at = |index: usize| value.get(index).copied().unwrap_or(0);
    let (request, class, strategy) = (at(0), at(18), at(20));
    if !allow.priority_rows.contains(strategy) || request != strategy {
        return Err(Refused::NotAllowed("a priority strategy that is not ours"));
    }
    if !(CLASS_FIRST..=CLASS_LAST).contains(&class) {
        return Err(Refused::Value("a vehicle class that has no business here"));
    }
    let seconds = |index: usize| u16::from_be_bytes([at(index), at(index + 1)]);
    if times && !(seconds(21)..=DEPARTURE_MAX_S).contains(&seconds(23)) {
        return Err(Refused::Value("a departure before the arrival, or too late"));
    }
    Ok(if object == STATUS_CONTROL { Passed::Read } else { Passed::Write })
}
