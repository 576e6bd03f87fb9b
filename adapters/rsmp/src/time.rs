//! Timestamps of the wire: UTC, three decimals, `Z` (W3C dateTime).

use jiff::Timestamp;

/// Length of a timestamp.
const LENGTH: usize = "2026-03-01T10:00:00.000Z".len();

/// A wall-clock time in milliseconds since 1970 as text; the ends of the year range when it is
/// beyond what a date can hold.
#[must_use]
pub fn timestamp(unix_ms: i64) -> String {
    let clamped = unix_ms.clamp(0, 253_402_207_200_000);
    let time = Timestamp::from_millisecond(clamped).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// Read a timestamp of exactly this form; milliseconds since 1970.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == LENGTH
        && text.bytes().zip(shape.bytes()).all(|(byte, place)| match place {
            b'd' => byte.is_ascii_digit(),
            _ => byte == place,
        });
    let time: Timestamp = fits.then(|| text.parse().ok())??;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_three_decimals_and_read_again() {
        assert_eq!(timestamp(1_772_359_200_005), "2026-03-01T10:00:00.005Z");
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        for unix_ms in [0, 1, 999, 1_772_359_200_005, 253_402_207_200_000] {
            assert_eq!(parse(&timestamp(unix_ms)), Some(unix_ms));
        }
        assert_eq!(timestamp(i64::MAX).len(), timestamp(i64::MIN).len());
    }

    #[test]
    fn other_forms_are_no_timestamps() {
        for text in [
            "",
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00.000",
            "2026-03-01T10:00:00.000+00:00",
            "2026-13-01T10:00:00.000Z",
            "2026-03-01 10:00:00.000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
