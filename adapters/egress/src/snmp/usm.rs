//! Version 3 messages with the user-based security model: what may leave, and at which level.

use super::check_pdu;
use crate::allow::{AllowList, Passed, Refused};
use crate::ber::{OCTETS, Reader, SEQUENCE};

/// The number of the user-based security model.
const USM: i64 = 3;
const FLAG_AUTH: i64 = 0b001;
const FLAG_PRIV: i64 = 0b010;
const FLAG_REPORTABLE: i64 = 0b100;
/// An engine's id (RFC 3411): 5 to 32 octets.
const ENGINE_MIN: usize = 5;
const ENGINE_MAX: usize = 32;
/// Octets of the truncated HMAC: SHA-1, SHA-224, SHA-256, SHA-384, SHA-512 (RFC 3414, RFC 7860).
const TAG_LENGTHS: [usize; 5] = [12, 16, 24, 32, 48];
const SALT_LEN: usize = 8;
const GET: u8 = 0xa0;

/// How a message is secured. There is no level without authentication: nothing is asked of a device
/// with it, but who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Authenticated, in clear.
    AuthNoPriv,
    /// Authenticated and encrypted.
    AuthPriv,
}

/// What is encrypted, and everything but the key that is needed to open it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed<'a> {
    /// The id of the device's engine.
    pub engine: &'a [u8],
    /// How often the engine was started.
    pub boots: u32,
    /// Seconds since its last start.
    pub time: u32,
    /// The salt (`msgPrivacyParameters`).
    pub salt: &'a [u8],
    /// The encrypted scoped PDU.
    pub ciphertext: &'a [u8],
}

/// The head of a message.
struct Head<'a> {
    level: Option<Level>,
    engine: &'a [u8],
    boots: u32,
    time: u32,
    user: &'a [u8],
    tag: &'a [u8],
    salt: &'a [u8],
}

/// Whether an outgoing message of version 3 passes: the discovery of an engine, which asks for
/// nothing; or, at exactly the level `required`, what [`super::check_message`] would let out.
/// `open` decrypts; `None` when it cannot.
///
/// # Errors
/// Why it does not.
pub fn check_message_v3(
    message: &[u8],
    allow: &AllowList,
    required: Level,
    open: impl FnOnce(&Sealed<'_>) -> Option<Vec<u8>>,
) -> Result<Passed, Refused> {
    let mut outer = Reader(message);
    let mut body = Reader(outer.take(SEQUENCE)?);
    outer.end()?;
    if body.integer()? != 3 {
        return Err(Refused::Unused("SNMP version"));
    }
    let level = level(Reader(body.take(SEQUENCE)?))?;
    let head = head(level, body.take(OCTETS)?)?;
    let payload = body.any()?;
    body.end()?;
    match (head.level, payload) {
        (None, (SEQUENCE, scoped)) => check_discovery(&head, scoped),
        (Some(Level::AuthNoPriv), (SEQUENCE, scoped)) if required == Level::AuthNoPriv => {
            check_scoped(scoped, allow)
        }
        (Some(Level::AuthPriv), (OCTETS, ciphertext)) if required == Level::AuthPriv => {
            let Head { engine, boots, time, salt, .. } = head;
            let sealed = Sealed { engine, boots, time, salt, ciphertext };
            let opened = open(&sealed).ok_or(Refused::Malformed("what cannot be opened"))?;
            let mut opened = Reader(&opened);
            let scoped = opened.take(SEQUENCE)?;
            opened.end()?;
            check_scoped(scoped, allow)
        }
        (Some(_), (SEQUENCE | OCTETS, _)) => Err(Refused::Unused("another level of security")),
        _ => Err(Refused::Malformed("a payload of another type")),
    }
}

/// msgGlobalData: `None` is no authentication and no privacy.
fn level(mut global: Reader<'_>) -> Result<Option<Level>, Refused> {
    global.integer()?;
    global.integer()?;
    let &[flags] = global.take(OCTETS)? else {
        return Err(Refused::Malformed("flags of another length"));
    };
    let model = global.integer()?;
    global.end()?;
    if model != USM {
        return Err(Refused::Unused("security model"));
    }
    match i64::from(flags) & !FLAG_REPORTABLE {
        0 => Ok(None),
        FLAG_AUTH => Ok(Some(Level::AuthNoPriv)),
        flags if flags == FLAG_AUTH | FLAG_PRIV => Ok(Some(Level::AuthPriv)),
        _ => Err(Refused::Malformed("flags that contradict each other")),
    }
}

/// The security parameters, held against the level that the flags say.
fn head(level: Option<Level>, parameters: &[u8]) -> Result<Head<'_>, Refused> {
    let mut outer = Reader(parameters);
    let mut usm = Reader(outer.take(SEQUENCE)?);
    outer.end()?;
    let engine = usm.take(OCTETS)?;
    let unsigned = |value: i64| u32::try_from(value).map_err(|_| Refused::Malformed("a time before zero"));
    let (boots, time) = (unsigned(usm.integer()?)?, unsigned(usm.integer()?)?);
    let (user, tag, salt) = (usm.take(OCTETS)?, usm.take(OCTETS)?, usm.take(OCTETS)?);
    usm.end()?;
    let tagged = TAG_LENGTHS.contains(&tag.len());
    let salted = salt.len() == SALT_LEN;
    let named = (ENGINE_MIN..=ENGINE_MAX).contains(&engine.len()) && (1..=32).contains(&user.len());
    let fits = match level {
        None => tag.is_empty() && salt.is_empty(),
        Some(Level::AuthNoPriv) => tagged && named && salt.is_empty(),
        Some(Level::AuthPriv) => tagged && named && salted,
    };
    if !fits {
        return Err(Refused::Malformed("security parameters of another level"));
    }
    Ok(Head { level, engine, boots, time, user, tag, salt })
}

/// The question who the device's engine is: unauthenticated, and about no object.
fn check_discovery(head: &Head<'_>, scoped: &[u8]) -> Result<Passed, Refused> {
    let (operation, content) = pdu_of(scoped)?;
    if operation != GET || !head.user.is_empty() || !head.engine.is_empty() || !head.tag.is_empty() {
        return Err(Refused::Unused("a message without authentication"));
    }
    let mut pdu = Reader(content);
    for _ in 0..3 {
        pdu.integer()?;
    }
    let bindings = pdu.take(SEQUENCE)?;
    pdu.end()?;
    if bindings.is_empty() { Ok(Passed::Read) } else { Err(Refused::Unused("a read without authentication")) }
}

fn check_scoped(scoped: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
    let (operation, content) = pdu_of(scoped)?;
    check_pdu(operation, content, allow)
}

/// The PDU of a scoped PDU, behind context engine and context name.
fn pdu_of(scoped: &[u8]) -> Result<(u8, &[u8]), Refused> {
    let mut scoped = Reader(scoped);
    scoped.take(OCTETS)?;
    scoped.take(OCTETS)?;
    let pdu = scoped.any()?;
    scoped.end()?;
    Ok(pdu)
}

#[cfg(test)]
mod tests;
