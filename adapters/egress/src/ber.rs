//! A reader of BER, as far as SNMP needs it: definite lengths, low tag numbers.

use crate::allow::Refused;

/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(crate) const OCTETS: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(crate) const OBJECT: u8 = 0x06;
/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Arcs of one name, as SMI limits them.
const ARCS_MAX: usize = 128;

/// The rest of the bytes that are read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8]), Refused> {
        let (&tag, rest) = self.0.split_first().ok_or(Refused::Malformed("an element is missing"))?;
        if tag & 0x1f == 0x1f {
            return Err(Refused::Malformed("a long tag"));
        }
        let (length, rest) = length(rest)?;
        if length > rest.len() {
            return Err(Refused::Malformed("an element is cut short"));
        }
        let (content, rest) = rest.split_at(length);
        self.0 = rest;
        Ok((tag, content))
    }

    /// The next element, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Result<&'a [u8], Refused> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Refused::Malformed("an element of another type")),
        }
    }

    /// The next element as a number.
    pub(crate) fn integer(&mut self) -> Result<i64, Refused> {
        number(self.take(INTEGER)?)
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Refused> {
        if self.is_empty() { Ok(()) } else { Err(Refused::Malformed("bytes behind the end")) }
    }
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Refused> {
    let (&first, rest) = bytes.split_first().ok_or(Refused::Malformed("a length is missing"))?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=3).contains(&count) || count > rest.len() {
        return Err(Refused::Malformed("a length of unusable form"));
    }
    let (digits, rest) = rest.split_at(count);
    Ok((digits.iter().fold(0, |value, digit| value << 8 | usize::from(*digit)), rest))
}

/// The value of an INTEGER of at most four bytes.
pub(crate) fn number(content: &[u8]) -> Result<i64, Refused> {
    let (&first, _) = content.split_first().ok_or(Refused::Malformed("a number without digits"))?;
    if content.len() > 4 {
        return Err(Refused::Malformed("a number of more than 32 bits"));
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
}

/// The arcs of a name.
pub(crate) fn arcs(content: &[u8]) -> Result<Vec<u32>, Refused> {
    if content.is_empty() || content.len() > ARCS_MAX * 5 {
        return Err(Refused::Malformed("a name of unusable length"));
    }
    let mut arcs = Vec::with_capacity(content.len() + 1);
    let mut value: u32 = 0;
    let mut open = false;
    for byte in content {
        if value >> 25 != 0 {
            return Err(Refused::Malformed("an arc of more than 32 bits"));
        }
        if !open && *byte == 0x80 {
            return Err(Refused::Malformed("an arc with leading zeros"));
        }
        value = value << 7 | u32::from(byte & 0x7f);
        open = byte & 0x80 != 0;
        if !open {
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.push(first);
                arcs.push(value - first * 40);
            } else {
                arcs.push(value);
            }
            value = 0;
        }
    }
    if open {
        return Err(Refused::Malformed("a name is cut short"));
    }
    Ok(arcs)
}
