//! Names that both ends of the shipped models agree on: components, references of request rows, the
//! checksum that names a configuration. A real site overrides them in its binding.

use clearway_signals::{Channel, RequestRow, RowId};

use crate::priority::Reference;

/// The component of the controller itself.
pub const MAIN: &str = "TC";

/// The component of signal group `number`, from 1.
#[must_use]
pub fn signal_group(number: u8) -> String {
    format!("SG{number}")
}

/// The component of detector logic `number`, from 1.
#[must_use]
pub fn detector_logic(number: u8) -> String {
    format!("DL{number}")
}

/// How a priority request names a row: preempt rows by input, rows of the priority channel by
/// connection, each with the row's number. Both are in the list since 1.1.
#[must_use]
pub fn reference(row: &RequestRow) -> Reference {
    match row.channel {
        Channel::Preempt => Reference::Input(row.number),
        Channel::Priority => Reference::Connection(row.number),
    }
}

/// The row number and channel that a reference of [`reference()`] names.
#[must_use]
pub fn row_of(reference: &Reference) -> Option<(Channel, u8)> {
    match reference {
        Reference::Input(number) => Some((Channel::Preempt, *number)),
        Reference::Connection(number) => Some((Channel::Priority, *number)),
        _ => None,
    }
}

/// What a controller of ours shows as S0097 for a configuration hash: 64 hexadecimal digits, as the
/// checksum of a real one has.
#[must_use]
pub fn checksum(configuration_hash: u32) -> String {
    format!("{configuration_hash:08x}").repeat(8)
}

/// The configuration hash in a checksum of [`checksum`]'s form.
#[must_use]
pub fn configuration_hash(checksum: &str) -> Option<u32> {
    let first = checksum.get(..8)?;
    let hash = u32::from_str_radix(first, 16).ok()?;
    (self::checksum(hash) == checksum.to_ascii_lowercase()).then_some(hash)
}

/// What ids of requests of ours begin with.
pub const REQUEST_PREFIX: &str = "cw-";

/// The id of a request for a row: unique at the controller as long as `nonce` differs from
/// connection to connection and `sequence` within one. It names the row, so that an engine that
/// starts again knows its own requests in S0033.
#[must_use]
pub fn request_id(row: RowId, nonce: u32, sequence: u32) -> String {
    format!("{REQUEST_PREFIX}{}-{nonce:08x}-{sequence}", row.0)
}

/// The row that a request id of ours names; `None` for ids of others.
#[must_use]
pub fn row_of_request(id: &str) -> Option<RowId> {
    let mut parts = id.strip_prefix(REQUEST_PREFIX)?.split('-');
    let row = parts.next()?;
    let is_whole = parts.next().is_some() && parts.next().is_some() && parts.next().is_none();
    row.parse().ok().filter(|_| is_whole).map(RowId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s17_a_request_id_names_its_row_and_ids_of_others_name_none() {
        assert_eq!(row_of_request(&request_id(RowId(31), 7, 9)), Some(RowId(31)));
        for other in ["", "cw", "cw-1", "cw-1-2", "cw-x-1-2", "cw-1-2-3-4", "bus-1-2-3", "cw-300-1-2"] {
            assert_eq!(row_of_request(other), None, "{other}");
        }
    }

    #[test]
    fn a_checksum_holds_its_configuration_hash() {
        assert_eq!(configuration_hash(&checksum(0x0c0f_fee1)), Some(0x0c0f_fee1));
        assert_eq!(checksum(1).len(), 64);
        for other in ["", "0c0ffee1", "ää", &"0".repeat(63), &format!("{}x", "0".repeat(63))] {
            assert_eq!(configuration_hash(other), None);
        }
    }
}
