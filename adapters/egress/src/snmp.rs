//! SNMP messages, versions 1 and 2c (RFC 1157, RFC 3416).

use crate::allow::{AllowList, Passed, Refused};
use crate::ber::{INTEGER, OBJECT, OCTETS, Reader, SEQUENCE, arcs, number};

const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;
const NULL: u8 = 0x05;

/// NTCIP 1202 preemptControlState, without the row number.
const PREEMPT_CONTROL_STATE: [u32; 14] = [1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2];

/// Whether an outgoing message passes: any read; a SET only of `preemptControlState` of own rows,
/// each to 0 or 1.
///
/// # Errors
/// Why it does not.
pub fn check_message(message: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
    let mut outer = Reader(message);
    let mut body = Reader(outer.take(SEQUENCE)?);
    outer.end()?;
    let version = body.integer()?;
    if !matches!(version, 0 | 1) {
        return Err(Refused::Unused("SNMP version"));
    }
    body.take(OCTETS)?;
    let (operation, content) = body.any()?;
    body.end()?;
    if operation == GET_BULK && version == 0 {
        return Err(Refused::Unused("GETBULK in version 1"));
    }
    if !matches!(operation, GET | GET_NEXT | GET_BULK | SET) {
        return Err(Refused::Unused("SNMP operation"));
    }
    let mut pdu = Reader(content);
    pdu.integer()?;
    let (status, index) = (pdu.integer()?, pdu.integer()?);
    let mut bindings = Reader(pdu.take(SEQUENCE)?);
    pdu.end()?;
    if operation == SET {
        if (status, index) != (0, 0) {
            return Err(Refused::Malformed("an error status in a request"));
        }
        check_set(&mut bindings, allow)?;
        return Ok(Passed::Write);
    }
    while !bindings.is_empty() {
        let (name, tag, value) = binding(&mut bindings)?;
        arcs(name)?;
        if tag != NULL || !value.is_empty() {
            return Err(Refused::Malformed("a value in a read"));
        }
    }
    Ok(Passed::Read)
}

fn check_set(bindings: &mut Reader<'_>, allow: &AllowList) -> Result<(), Refused> {
    if bindings.is_empty() {
        return Err(Refused::Malformed("a SET of nothing"));
    }
    while !bindings.is_empty() {
        let (name, tag, value) = binding(bindings)?;
        let arcs = arcs(name)?;
        let Some(&[row]) = arcs.strip_prefix(&PREEMPT_CONTROL_STATE[..]) else {
            return Err(Refused::NotAllowed("an object other than preemptControlState"));
        };
        if !u8::try_from(row).is_ok_and(|row| allow.preempt_rows.contains(row)) {
            return Err(Refused::NotAllowed("a preempt row that is not ours"));
        }
        if tag != INTEGER || !matches!(number(value)?, 0 | 1) {
            return Err(Refused::Value("preemptControlState"));
        }
    }
    Ok(())
}

fn binding<'a>(bindings: &mut Reader<'a>) -> Result<(&'a [u8], u8, &'a [u8]), Refused> {
    let mut binding = Reader(bindings.take(SEQUENCE)?);
    let name = binding.take(OBJECT)?;
    let (tag, value) = binding.any()?;
    binding.end()?;
    Ok((name, tag, value))
}

#[cfg(test)]
mod tests;
