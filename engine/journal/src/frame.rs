//! The bytes of a segment: a header, then framed records.
//!
//! `length u32 | crc u32 | sequence u64 | chain [16] | payload`, little-endian. The CRC-32C covers
//! sequence, chain and payload. `chain` is the first half of SHA-256(chain before ‖ sequence ‖ payload).

use sha2::{Digest, Sha256};

/// First bytes of every segment: name and version of the format.
pub const MAGIC: &[u8; 16] = b"clearway-jrnl-03";
/// Bytes before a record's payload.
pub const HEADER_BYTES: usize = 4 + 4 + 8 + 16;
/// No payload is longer.
pub const PAYLOAD_MAX: usize = 1 << 20;

/// A place in the chain.
pub type Chain = [u8; 16];

/// The chain before the first record.
pub const GENESIS: Chain = [0; 16];

/// The next place in the chain.
#[must_use]
pub fn link(before: &Chain, sequence: u64, payload: &[u8]) -> Chain {
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update(sequence.to_le_bytes())
        .chain_update(payload)
        .finalize();
    let mut chain = GENESIS;
    chain.copy_from_slice(&digest[..16]);
    chain
}

/// Append one framed record to `bytes`; gives the chain after it.
pub fn push(bytes: &mut Vec<u8>, before: &Chain, sequence: u64, payload: &[u8]) -> Chain {
    let chain = link(before, sequence, payload);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let crc = crc32c::crc32c_append(
        crc32c::crc32c_append(crc32c::crc32c(&sequence.to_le_bytes()), &chain),
        payload,
    );
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&chain);
    bytes.extend_from_slice(payload);
    chain
}

/// Why a record cannot be taken from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The bytes end inside the record: a torn tail, if nothing follows.
    Torn,
    /// Length beyond the limit, or the CRC does not fit.
    Corrupt,
    /// Not the record that follows the one before.
    OutOfOrder,
}

/// The record at the start of `bytes`, after `before` and with number `sequence`.
///
/// Gives the payload, the chain after it and the bytes it took.
///
/// # Errors
/// A [`Flaw`].
pub fn take<'a>(bytes: &'a [u8], before: &Chain, sequence: u64) -> Result<(&'a [u8], Chain, usize), Flaw> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let (Some(length), Some(crc)) = (word(0), word(4)) else { return Err(Flaw::Torn) };
    let length = length as usize;
    if length > PAYLOAD_MAX {
        return Err(Flaw::Corrupt);
    }
    let end = HEADER_BYTES + length;
    let Some(record) = bytes.get(8..end) else { return Err(Flaw::Torn) };
    if crc32c::crc32c(record) != crc {
        return Err(Flaw::Corrupt);
    }
    let payload = &bytes[HEADER_BYTES..end];
    let chain = link(before, sequence, payload);
    if record[..8] != sequence.to_le_bytes() || record[8..24] != chain {
        return Err(Flaw::OutOfOrder);
    }
    Ok((payload, chain, end))
}
