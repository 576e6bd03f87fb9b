//! Wall-clock time: milliseconds since the Unix epoch, only for records and for judging messages' ages.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A point of wall-clock time, milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallMs(pub i64);

impl WallMs {
    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Later by `ms`.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`; the epoch for times beyond the year 9999.
    #[must_use]
    pub fn iso_ms(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    /// `YYYY-MM-DDTHH:MM:SS-00:00`, the hub's way to write UTC; fractions are cut off.
    #[must_use]
    pub fn iso_hub(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%S-00:00").to_string()
    }

    /// The date, `YYYY-MM-DD`, in UTC.
    #[must_use]
    pub fn date(self) -> String {
        self.timestamp().strftime("%Y-%m-%d").to_string()
    }

    /// By a format of `strftime`, in UTC.
    #[must_use]
    pub fn format(self, format: &str) -> String {
        self.timestamp().strftime(format).to_string()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or_default()
    }
}

/// Reads an ISO 8601 instant that names its zone or offset.
#[must_use]
pub fn parse_iso(text: &str) -> Option<WallMs> {
    text.parse::<Timestamp>().ok().map(|at| WallMs(at.as_millisecond()))
}

/// Reads the hub's times: whole seconds, an offset, never `Z` (`^…T…:…:…[-+]hh:mm$`).
#[must_use]
pub fn parse_hub(text: &str) -> Option<WallMs> {
    let digits_at = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let shape_holds = text.len() == 25
        && text.is_ascii()
        && "dddd-dd-ddTdd:dd:dd#dd:dd".bytes().enumerate().all(|(at, want)| match want {
            b'd' => digits_at(at),
            b'#' => matches!(text.as_bytes()[at], b'+' | b'-'),
            fixed => text.as_bytes()[at] == fixed,
        });
    if !shape_holds {
        return None;
    }
    let local: DateTime = text.get(..19)?.parse().ok()?;
    let hours: i32 = text.get(20..22)?.parse().ok()?;
    let minutes: i32 = text.get(23..25)?.parse().ok()?;
    let seconds = (hours * 60 + minutes) * 60;
    let east = if text.as_bytes()[19] == b'-' { -seconds } else { seconds };
    let at = Offset::from_seconds(east).ok()?.to_timestamp(local).ok()?;
    Some(WallMs(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_instant_without_zone_is_no_instant() {
        assert_eq!(parse_iso("2026-09-26T18:28:31.158Z"), Some(WallMs(1_790_447_311_158)));
        assert_eq!(parse_iso("2026-09-26T18:28:31Z"), Some(WallMs(1_790_447_311_000)));
        assert_eq!(parse_iso("2026-09-26T18:28:31.158"), None);
    }

    #[test]
    fn the_hub_writes_an_offset_and_never_z() {
        assert_eq!(parse_hub("2026-09-26T20:28:31+02:00"), Some(WallMs(1_790_447_311_000)));
        assert_eq!(parse_hub("2026-09-26T18:28:31-00:00"), Some(WallMs(1_790_447_311_000)));
        for wrong in ["2026-09-26T18:28:31Z", "2026-09-26T18:28:31.1+00:00", "2026-13-26T18:28:31+00:00", ""]
        {
            assert_eq!(parse_hub(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(ms in 0_i64..4_102_444_800_000) {
            prop_assert_eq!(parse_iso(&WallMs(ms).iso_ms()), Some(WallMs(ms)));
            prop_assert_eq!(parse_hub(&WallMs(ms).iso_hub()), Some(WallMs(ms / 1000 * 1000)));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            let _ = (parse_iso(&text), parse_hub(&text));
        }
    }
}
