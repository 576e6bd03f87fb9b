//! The site's local time, which rules with hours need, as an event of the engine.

use std::time::Duration;

use clearway_feeds::WallMs;
use clearway_feeds::adapter::WallClock;
use clearway_planner::{Event, LocalTime};
use clearway_runtime::{Ingress, Stamped};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The clock is looked at this often, so that a minute is told within a second of its begin.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tell the engine the local time at the start and with every minute.
pub async fn tell(ingress: Ingress, zone: TimeZone, wall: WallClock) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut told = None;
    loop {
        every.tick().await;
        let shown = local_time(wall(), &zone);
        if let Some(time) = shown.filter(|_| shown != told) {
            told = shown;
            ingress.send(Stamped { event: Event::LocalTime(time), decoded_ns: None });
        }
    }
}

fn local_time(wall: WallMs, zone: &TimeZone) -> Option<LocalTime> {
    let local = Timestamp::from_millisecond(wall.0).ok()?.to_zoned(zone.clone());
    let weekday = u8::try_from(local.weekday().to_monday_zero_offset()).ok()?;
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).ok()?;
    Some(LocalTime { weekday, minute })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_time_follows_the_zone() {
        // 2026-09-26T22:28:31Z, a Saturday; an hour ahead it is Saturday still, two hours ahead Sunday.
        let wall = WallMs(1_790_461_711_000);
        let at = |hours: i8| local_time(wall, &jiff::tz::offset(hours).to_time_zone());
        assert_eq!(at(0), Some(LocalTime { weekday: 5, minute: 22 * 60 + 28 }));
        assert_eq!(at(2), Some(LocalTime { weekday: 6, minute: 28 }));
    }
}
