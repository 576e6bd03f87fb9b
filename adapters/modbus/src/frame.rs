//! The register map, version 1.1, as data.

/// Version of the map that this crate speaks.
pub const MAP_VERSION: u16 = 1;
/// Device type that a device of the map names.
pub const DEVICE_TYPE: u16 = 0x4357;
/// Registers of a command.
pub const COMMAND_LEN: usize = 9;
/// Unit id of the device.
pub const UNIT: u8 = 1;
/// Registers of one read, by the protocol.
pub const READ_MAX: u16 = 125;
/// Highest level of a priority request.
pub const LEVEL_MAX: u8 = 14;
/// Detectors of the map.
pub const DETECTORS_MAX: u8 = 32;
/// Rows that have a bit.
pub const CALL_BITS: u8 = 16;
/// Registers of one row.
pub const ROW_LEN: u16 = 12;

/// A run of input registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first register.
    pub first: u16,
    /// How many, 1 to [`READ_MAX`].
    pub count: u16,
}

/// Status.
pub const STATUS: Span = Span { first: 0, count: 26 };
/// Status of a device of minor version 1 or later: what becomes of a priority request stands behind it.
pub const STATUS_1: Span = Span { first: 0, count: 28 };
/// Detectors.
pub const DETECTORS: Span = Span { first: 30, count: 64 };
/// Identity and limits.
pub const IDENTITY: Span = Span { first: 100, count: 9 };
/// The map's minor version. A device of version 1.0 does not have it.
pub const MINOR: Span = Span { first: 109, count: 1 };

/// The runs of the registers of the first `count` rows, each whole rows.
pub fn rows(count: usize) -> impl Iterator<Item = Span> {
    const ROWS_EACH: u16 = READ_MAX / ROW_LEN;
    let count = u16::try_from(count).unwrap_or(u16::MAX).min(32);
    (0..count)
        .step_by(usize::from(ROWS_EACH))
        .map(move |row| Span { first: 200 + row * ROW_LEN, count: (count - row).min(ROWS_EACH) * ROW_LEN })
}

/// A command before it becomes registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// One to 32 767 steps ahead of the last accepted one, modulo 2^16.
    pub sequence: u16,
    /// Changes at each write.
    pub heartbeat: u16,
    /// Units of 0.1 s, 1 to the device's limit.
    pub time_to_live_ds: u16,
    /// Bit n−1 calls preempt row n.
    pub calls: u16,
    /// Transit row (0: none) and level of the priority request.
    pub priority: (u8, u8),
    /// Until the vehicle of the priority request arrives, ms.
    pub arrival_ms: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_whole_rows_and_lawful_lengths() {
        let spans: Vec<Span> = rows(23).collect();
        assert_eq!(
            spans,
            [
                Span { first: 200, count: 120 },
                Span { first: 320, count: 120 },
                Span { first: 440, count: 36 }
            ]
        );
        assert_eq!(rows(0).count(), 0);
        assert!([STATUS_1, DETECTORS, IDENTITY].iter().all(|span| span.count <= READ_MAX));
    }
}
