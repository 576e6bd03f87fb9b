//! Names that both ends of the shipped models agree on: components, references of request rows, the
//! checksum that names a configuration. A real site overrides them in its binding.

use clearway_signals::{Channel, RequestRow};

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

/// The row number and channel that a reference of [`reference`] names.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_holds_its_configuration_hash() {
        assert_eq!(configuration_hash(&checksum(0x0c0f_fee1)), Some(0x0c0f_fee1));
        assert_eq!(checksum(1).len(), 64);
        for other in ["", "0c0ffee1", "ää", &"0".repeat(63), &format!("{}x", "0".repeat(63))] {
            assert_eq!(configuration_hash(other), None);
        }
    }
}
