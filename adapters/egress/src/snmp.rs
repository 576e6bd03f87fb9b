//! SNMP messages: versions 1 and 2c (RFC 1157, RFC 3416), version 3 with USM (RFC 3412, RFC 3414).
//!
//! `check_message` and `check_message_v3` judge whole messages as they would leave. What is
//! encrypted is opened first, by whoever holds the key, from the very bytes that leave.

mod usm;
mod writes;

use crate::allow::{AllowList, Passed, Refused};
use crate::ber::{OBJECT, OCTETS, Reader, SEQUENCE, arcs};

pub use usm::{Level, Sealed, check_message_v3};

const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;
const NULL: u8 = 0x05;

/// Whether an outgoing message of version 1 or 2c passes: any read; a SET only of
/// `preemptControlState` of own rows, each to 0 or 1, and of the priority blocks of own rows.
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
    check_pdu(operation, content, allow)
}

/// A PDU, whatever carries it.
fn check_pdu(operation: u8, content: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
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
        return writes::check(&mut bindings, allow);
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

fn binding<'a>(bindings: &mut Reader<'a>) -> Result<(&'a [u8], u8, &'a [u8]), Refused> {
    let mut binding = Reader(bindings.take(SEQUENCE)?);
    let name = binding.take(OBJECT)?;
    let (tag, value) = binding.any()?;
    binding.end()?;
    Ok((name, tag, value))
}

#[cfg(test)]
mod tests;
