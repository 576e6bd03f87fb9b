//! TAIP (Trimble ASCII Interface Protocol) over UDP: PV and EV reports.
//!
//! `>RPV` seconds(5) latitude(±7) longitude(±8) speed(3) heading(3) source(1) age(1) `;ID=…;*CC<`, and
//! `>REV` event(2) GPS week(4) day(1) seconds(5) and the same body. Angles are units of 1e-5 degrees,
//! speeds mph, times GPS time in whole seconds. Two conventions exist for what the checksum covers; a
//! source follows one of them, and the configuration says which.

use std::net::SocketAddr;
use std::sync::Arc;

use clearway_signals::VehicleId;

use crate::fix::{Arrival, FeedEvent};
use crate::nmea::{emergency_vehicle, nearest_day};
use crate::outgoing::Outgoing;
use crate::plausible::{self, Candidate, Plausibility, Rules};
use crate::registry::Registry;
use crate::reject::Reject;
use crate::wall::WallMs;

/// Metres a second in one mile an hour.
const MPS_PER_MPH: f64 = 0.447_04;
/// Reports of one datagram.
const REPORTS_MAX: usize = 32;
/// TAIP's times are whole seconds.
const RESOLUTION_MS: i64 = 1000;
/// 1980-01-06T00:00:00Z, the first second of GPS week 0, in Unix milliseconds.
const GPS_EPOCH_MS: i64 = 315_964_800_000;
const DAY_MS: i64 = 86_400_000;
/// Week numbers repeat after this many weeks.
const ROLLOVER_WEEKS: i64 = 1024;
/// Seconds by which GPS time is ahead of UTC since 2017.
pub const GPS_UTC_OFFSET_S: i64 = 18;
/// Characters of a PV body: time, latitude, longitude, speed, heading, source, age.
const PV_CHARS: usize = 30;
/// Characters before the PV body in an EV report without its time: event, week, day.
const EV_PREFIX_CHARS: usize = 7;

/// What the checksum of a source covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Checksum {
    /// From `>` to `*`, both included (Trimble's own example).
    #[default]
    IncludingStar,
    /// From `>` to the character before `*`.
    ExcludingStar,
    /// None is sent.
    Absent,
}

/// How a source speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// Its checksum.
    pub checksum: Checksum,
    /// Seconds to take off its times to get UTC; 0 for units that send UTC.
    pub gps_utc_offset_s: i64,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { checksum: Checksum::default(), gps_utc_offset_s: GPS_UTC_OFFSET_S }
    }
}

/// The feed's memory.
#[derive(Clone, Debug)]
pub struct State {
    plausibility: Plausibility,
    dialect: Dialect,
}

impl State {
    /// An empty memory for these vehicles.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules, dialect: Dialect) -> Self {
        Self { plausibility: Plausibility::new(registry, rules), dialect }
    }

    fn vehicle(&self, id: Option<&str>, source: SocketAddr) -> Result<VehicleId, Reject> {
        emergency_vehicle(self.plausibility.registry(), |registry| match id {
            Some(id) => registry.by_taip(id),
            None => registry.by_source(source),
        })
    }
}

/// Reads one datagram: a result for each report in it.
pub fn parse(
    datagram: &[u8],
    source: SocketAddr,
    state: &mut State,
    at: Arrival,
) -> Vec<Result<FeedEvent, Reject>> {
    let Ok(text) = std::str::from_utf8(datagram) else { return vec![Err(Reject::NotText)] };
    if !text.is_ascii() {
        return vec![Err(Reject::NotText)];
    }
    let mut reports = text.split('>');
    let mut results = Vec::new();
    if reports.next().is_some_and(|noise| !noise.trim().is_empty()) {
        results.push(Err(Reject::Malformed));
    }
    let read_one = |report| read(report, source, state, at);
    results.extend(reports.by_ref().take(REPORTS_MAX).map(read_one));
    if reports.next().is_some() {
        results.push(Err(Reject::TooMany));
    }
    results
}

/// Reads one report, given without its `>`.
fn read(report: &str, source: SocketAddr, state: &mut State, at: Arrival) -> Result<FeedEvent, Reject> {
    let report = report.trim_end_matches(['\r', '\n', '\0', ' ']);
    let report = report.strip_suffix('<').unwrap_or(report);
    let content = checked(report, state.dialect.checksum)?;
    let mut parts = content.split(';');
    let message = parts.next().unwrap_or_default();
    let id = parts.find_map(|part| part.strip_prefix("ID="));
    let vehicle = state.vehicle(id, source)?;
    let candidate = match message.get(..3) {
        Some("RPV") => from_pv(&message[3..], state.dialect, at),
        Some("REV") => from_ev(&message[3..], state.dialect, at),
        _ => Err(Reject::Unsupported),
    }?;
    state.plausibility.judge(vehicle, &candidate, at).map(FeedEvent::Fix)
}

/// The report without its checksum, once that holds.
fn checked(report: &str, convention: Checksum) -> Result<&str, Reject> {
    if convention == Checksum::Absent {
        return Ok(report.rfind(";*").map_or(report, |star| &report[..star]));
    }
    let star = report.rfind('*').ok_or(Reject::ChecksumMissing)?;
    let (content, sum) = (&report[..star], &report[star + 1..]);
    let sent =
        (sum.len() == 2).then(|| u8::from_str_radix(sum, 16).ok()).flatten().ok_or(Reject::Checksum)?;
    if checksum(content, convention) == sent { Ok(content) } else { Err(Reject::Checksum) }
}

/// The checksum of a report given without `>` and without `*`.
fn checksum(content: &str, convention: Checksum) -> u8 {
    let through = content.bytes().fold(b'>', |sum, byte| sum ^ byte);
    if convention == Checksum::IncludingStar { through ^ b'*' } else { through }
}

/// Digits of a fixed field as a number.
fn digits(field: &str) -> Result<i64, Reject> {
    let all_digits = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| field.parse().ok()).flatten().ok_or(Reject::Malformed)
}

/// A sign and digits: units of 1e-5 degrees.
fn angle(field: &str) -> Result<f64, Reject> {
    let sign = match field.as_bytes().first() {
        Some(b'+') => 1.0,
        Some(b'-') => -1.0,
        _ => return Err(Reject::Malformed),
    };
    #[allow(clippy::cast_precision_loss)] // At most eight digits.
    let degrees = digits(&field[1..])? as f64 / 1e5;
    Ok(sign * degrees)
}

fn from_pv(body: &str, dialect: Dialect, at: Arrival) -> Result<Candidate, Reject> {
    if body.len() != PV_CHARS {
        return Err(Reject::Malformed);
    }
    let seconds = digits(&body[..5])?;
    if seconds >= DAY_MS / 1000 {
        return Err(Reject::BadTime);
    }
    let of_day_ms = (seconds - dialect.gps_utc_offset_s).saturating_mul(1000);
    candidate(body, nearest_day(of_day_ms.rem_euclid(DAY_MS), at.wall))
}

fn from_ev(body: &str, dialect: Dialect, at: Arrival) -> Result<Candidate, Reject> {
    if body.len() != EV_PREFIX_CHARS + PV_CHARS {
        return Err(Reject::Malformed);
    }
    let (week, day) = (digits(&body[2..6])?, digits(&body[6..7])?);
    let pv = &body[EV_PREFIX_CHARS..];
    let seconds = digits(&pv[..5])? - dialect.gps_utc_offset_s;
    let time = WallMs(GPS_EPOCH_MS + (week * 7 + day) * DAY_MS + seconds.saturating_mul(1000));
    let week_ms = 7 * DAY_MS;
    let weeks_off = (at.wall.since(time) + week_ms / 2).div_euclid(week_ms);
    if weeks_off != 0 && weeks_off % ROLLOVER_WEEKS == 0 {
        return Err(Reject::WeekRollover);
    }
    candidate(pv, time)
}

fn candidate(body: &str, time: WallMs) -> Result<Candidate, Reject> {
    let (lat, lon) = (angle(&body[5..13])?, angle(&body[13..22])?);
    let (speed_mph, heading) = (digits(&body[22..25])?, digits(&body[25..28])?);
    let dead_reckoned = match &body[28..29] {
        "0" | "1" | "2" | "3" => false,
        "6" | "8" => true,
        _ => return Err(Reject::FixSource),
    };
    let old = match &body[29..30] {
        "0" => return Err(Reject::NoFix),
        "1" => true,
        "2" => false,
        _ => return Err(Reject::Malformed),
    };
    #[allow(clippy::cast_precision_loss)] // Three digits.
    let (speed_mph, heading_deg) = (speed_mph as f64, heading as f64);
    Ok(Candidate {
        source_time: Some(time),
        resolution_ms: RESOLUTION_MS,
        stale_max_ms: None,
        place: plausible::place(lat, lon)?,
        heading_deg: Some(heading_deg),
        speed_mps: Some(speed_mph * MPS_PER_MPH),
        degraded: dead_reckoned || old,
    })
}

/// A PV report with the vehicle's id: a fresh 3D fix.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // Speeds and headings of vehicles.
pub fn encode_pv(out: &Outgoing<'_>, dialect: Dialect) -> String {
    let gps_ms = out.wall.0.saturating_add(dialect.gps_utc_offset_s * 1000);
    let angle = |coordinate_e7: i32, width: usize| {
        let sign = if coordinate_e7 < 0 { '-' } else { '+' };
        format!("{sign}{:0width$}", (coordinate_e7.unsigned_abs() + 50) / 100)
    };
    let content = format!(
        "RPV{:05}{}{}{:03}{:03}12;ID={};",
        gps_ms.rem_euclid(DAY_MS) / 1000,
        angle(out.place.lat_e7, 7),
        angle(out.place.lon_e7, 8),
        (f64::from(out.speed_mps) / MPS_PER_MPH).round().clamp(0.0, 999.0) as i64,
        (f64::from(out.heading_deg).round() as i64).rem_euclid(360),
        out.external_id,
    );
    match dialect.checksum {
        Checksum::Absent => format!(">{content}<"),
        convention => format!(">{content}*{:02X}<", checksum(&content, convention)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plausible::GeoBox;
    use crate::registry::{Vehicle, VehicleClass};
    use clearway_signals::{GeoPoint, Millis};
    use proptest::prelude::*;

    /// 2026-09-26T18:28:31Z.
    const NOW: WallMs = WallMs(1_790_447_311_000);

    fn source() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4001))
    }

    fn state(dialect: Dialect) -> State {
        let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
        engine.taip_id = Some("1234".into());
        engine.udp_source = "127.0.0.1".parse().ok();
        let registry = Registry::new(vec![engine]).unwrap();
        State::new(Arc::new(registry), Rules::within(GeoBox::GLOBE), dialect)
    }

    fn at(wall: WallMs) -> Arrival {
        Arrival { received: Millis(0), wall }
    }

    fn report(content: &str) -> String {
        format!(">{content}*{:02X}<", checksum(content, Checksum::IncludingStar))
    }

    fn check(datagram: &str, expect: Result<bool, Reject>) {
        let mut state = state(Dialect { checksum: Checksum::IncludingStar, gps_utc_offset_s: 0 });
        let results = parse(datagram.as_bytes(), source(), &mut state, at(NOW));
        let degraded = match results.as_slice() {
            [Ok(FeedEvent::Fix(fix))] => Ok(fix.degraded),
            [Err(reject)] => Err(*reject),
            other => panic!("{other:?}"),
        };
        assert_eq!(degraded, expect, "{datagram}");
    }

    /// 66511 s is 18:28:31.
    const PV: &str = "RPV66511+6016700+0249416702209012;ID=1234;";

    #[test]
    fn each_fault_has_its_reason() {
        check(&report(PV), Ok(false));
        check(report(PV).trim_end_matches('<'), Ok(false));
        check(&(report(PV) + "\r\n"), Ok(false));
        check(&report(&PV.replace("09012;", "09062;")), Ok(true));
        check(&report(&PV.replace("09012;", "09082;")), Ok(true));
        check(&report(&PV.replace("09012;", "09011;")), Ok(true));
        check(&report(&PV.replace("09012;", "09092;")), Err(Reject::FixSource));
        check(&report(&PV.replace("09012;", "09010;")), Err(Reject::NoFix));
        check(&report(&PV.replace("ID=1234", "ID=9")), Err(Reject::UnknownVehicle));
        check(&report(&PV.replace("ID=1234;", "")), Ok(false));
        check(&report(&PV.replace("66511", "66499")), Err(Reject::Stale));
        check(&report(&PV.replace("66511", "99999")), Err(Reject::BadTime));
        check(&report(&PV.replace("+6016700", "-3852.9306")), Err(Reject::Malformed));
        check(&report(&PV.replace("RPV", "RCP")), Err(Reject::Unsupported));
        check(&report(PV).replace("022", "023"), Err(Reject::Checksum));
        check(&format!(">{PV}<"), Err(Reject::ChecksumMissing));
    }

    #[test]
    fn each_checksum_convention_refuses_the_other() {
        let with_star = ">RPV15714+3739438-1220384601512612;ID=1234;*7F<";
        let without_star = with_star.replace("7F", "55");
        let of_day = WallMs(1_790_380_800_000 + 15_714_000);
        let read = |text: &str, checksum| {
            let mut state = state(Dialect { checksum, gps_utc_offset_s: 0 });
            parse(text.as_bytes(), source(), &mut state, at(of_day)).remove(0).map(|_| ())
        };
        assert_eq!(read(with_star, Checksum::IncludingStar), Ok(()));
        assert_eq!(read(with_star, Checksum::ExcludingStar), Err(Reject::Checksum));
        assert_eq!(read(&without_star, Checksum::ExcludingStar), Ok(()));
        assert_eq!(read(&without_star, Checksum::IncludingStar), Err(Reject::Checksum));
        assert_eq!(read(with_star, Checksum::Absent), Ok(()));
    }

    #[test]
    fn an_event_report_carries_its_week() {
        // 2026-09-26 is day 6 (Saturday) of GPS week 2437; 18 s ahead of UTC.
        let ev = |week: u32| report(&format!("REV00{week:04}666529+6016700+0249416702209012;ID=1234;"));
        let read = |text: String| {
            let mut state = state(Dialect::default());
            parse(text.as_bytes(), source(), &mut state, at(NOW)).remove(0).map(|_| ())
        };
        assert_eq!(read(ev(2437)), Ok(()));
        assert_eq!(read(ev(2437 - 1024)), Err(Reject::WeekRollover));
        assert_eq!(read(ev(2436)), Err(Reject::Stale));
    }

    #[test]
    fn recorded_reports_follow_one_of_the_two_conventions() {
        let Some(folder) = crate::reference::folder("nmea") else { return };
        let text = std::fs::read_to_string(folder.join("taip-traccar.txt")).unwrap();
        let mut matched = [0; 2];
        for line in text.lines() {
            let line = line.trim_start_matches('>').trim_end_matches('<');
            for (count, convention) in
                matched.iter_mut().zip([Checksum::IncludingStar, Checksum::ExcludingStar])
            {
                *count += usize::from(checked(line, convention).is_ok());
            }
        }
        assert_eq!(matched, [22, 9]);
    }

    proptest! {
        #[test]
        fn x8_what_is_encoded_is_decoded(
            lat in -899_000_000_i32..899_000_000, lon in -1_799_000_000_i32..1_799_000_000,
            speed_mps in 0.0_f32..54.0, heading_deg in 0.0_f32..359.4, seconds in -9_i64..2,
            excluding in any::<bool>(),
        ) {
            prop_assume!(lat.abs() > 200_000);
            let place = GeoPoint { lat_e7: lat, lon_e7: lon };
            let wall = NOW.plus_ms(seconds * 1000);
            let out = Outgoing { external_id: "1234", place, speed_mps, heading_deg, wall };
            let checksum = if excluding { Checksum::ExcludingStar } else { Checksum::IncludingStar };
            let dialect = Dialect { checksum, ..Dialect::default() };
            let text = encode_pv(&out, dialect);
            let results = parse(text.as_bytes(), source(), &mut state(dialect), at(NOW));
            let [Ok(FeedEvent::Fix(fix))] = results.as_slice() else { panic!("{text} {results:?}") };
            prop_assert!((fix.place.lat_e7 - lat).abs() <= 50 && (fix.place.lon_e7 - lon).abs() <= 50);
            prop_assert!((fix.speed_mps.unwrap() - speed_mps).abs() < 0.23);
            prop_assert!((fix.heading_deg.unwrap() - heading_deg).abs() <= 0.5);
            prop_assert_eq!(fix.source_time, Some(wall));
        }

        #[test]
        fn x8_any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes, source(), &mut state(Dialect::default()), at(NOW));
        }

        #[test]
        fn x8_any_report_with_a_good_checksum_is_read_without_panic(
            content in "R(PV|EV)[0-9+;=ID-]{0,60}", absent in any::<bool>(),
        ) {
            let checksum = if absent { Checksum::Absent } else { Checksum::IncludingStar };
            let dialect = Dialect { checksum, ..Dialect::default() };
            parse(report(&content).as_bytes(), source(), &mut state(dialect), at(NOW));
        }
    }
}
