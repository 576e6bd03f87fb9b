//! NMEA 0183 over UDP: RMC, helped by GGA and VTG of the same datagram.
//!
//! Sentences are parsed by the `nmea` crate; this module splits datagrams, finds the vehicle, and judges.
//! The format names no vehicle: the datagram's source address does, or the talker id, where the
//! registry maps it. A checksum is required.

use std::net::SocketAddr;
use std::sync::Arc;

use clearway_signals::{GeoPoint, VehicleId};
use nmea::sentences::rmc::{RmcNavigationStatus, RmcStatusOfFix};
use nmea::sentences::{FaaMode, FixType, GgaData, RmcData, VtgData};
use nmea::{ParseResult, parse_str};

use crate::fix::{Arrival, FeedEvent};
use crate::outgoing::Outgoing;
use crate::plausible::{self, Candidate, Plausibility, Rules};
use crate::registry::{Registry, VehicleClass};
use crate::reject::Reject;
use crate::wall::WallMs;

/// Metres a second in one knot.
const MPS_PER_KNOT: f64 = 0.514_444_444;
/// Sentences of one datagram.
const SENTENCES_MAX: usize = 32;
/// GPS counts weeks modulo 1024; a receiver that lost count is off by a multiple of this.
const ROLLOVER_MS: i64 = 1024 * 7 * 86_400_000;
/// A date this near to a multiple of the roll-over is one.
const ROLLOVER_ERROR_MS: i64 = 86_400_000;
const DAY_MS: i64 = 86_400_000;

/// The feed's memory.
#[derive(Clone, Debug)]
pub struct State {
    plausibility: Plausibility,
}

impl State {
    /// An empty memory for these vehicles.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules) -> Self {
        Self { plausibility: Plausibility::new(registry, rules) }
    }

    fn vehicle(&self, source: SocketAddr, talker: [u8; 2]) -> Result<VehicleId, Reject> {
        emergency_vehicle(self.plausibility.registry(), |registry| {
            registry.by_talker(talker).or_else(|| registry.by_source(source))
        })
    }
}

/// Finds a vehicle that may speak over UDP: only emergency vehicles do.
pub(crate) fn emergency_vehicle(
    registry: &Registry,
    find: impl FnOnce(&Registry) -> Option<VehicleId>,
) -> Result<VehicleId, Reject> {
    let id = find(registry).ok_or(Reject::UnknownVehicle)?;
    match registry.get(id) {
        Some(vehicle) if vehicle.class == VehicleClass::Emergency => Ok(id),
        _ => Err(Reject::ClassMismatch),
    }
}

/// What the sentences of one datagram say together.
#[derive(Default)]
struct Epoch {
    rmc: Vec<([u8; 2], RmcData)>,
    gga: Option<([u8; 2], GgaData)>,
    vtg: Option<VtgData>,
}

/// Reads one datagram: a result for each position and for each faulty sentence. Sentences of other
/// kinds are passed over.
pub fn parse(
    datagram: &[u8],
    source: SocketAddr,
    state: &mut State,
    at: Arrival,
) -> Vec<Result<FeedEvent, Reject>> {
    let Ok(text) = std::str::from_utf8(datagram) else { return vec![Err(Reject::NotText)] };
    let mut results = Vec::new();
    let mut epoch = Epoch::default();
    let mut sentences =
        text.split(['\r', '\n', '\0']).filter(|line| !line.is_empty()).flat_map(split_dollars);
    for sentence in sentences.by_ref().take(SENTENCES_MAX) {
        results.extend(read(sentence, &mut epoch).err().map(Err));
    }
    if sentences.next().is_some() {
        results.push(Err(Reject::TooMany));
    }
    let has_fix = epoch.gga.as_ref().is_none_or(|(_, gga)| gga.fix_type != Some(FixType::Invalid));
    if !has_fix {
        results.push(Err(Reject::NoFix));
        return results;
    }
    if let ([], Some((talker, gga))) = (epoch.rmc.as_slice(), &epoch.gga) {
        let fix = from_gga(gga, epoch.vtg.as_ref(), at).and_then(|candidate| {
            let vehicle = state.vehicle(source, *talker)?;
            state.plausibility.judge(vehicle, &candidate, at)
        });
        results.push(fix.map(FeedEvent::Fix));
    }
    let estimated = epoch.gga.as_ref().is_some_and(|(_, gga)| gga.fix_type == Some(FixType::Estimated));
    for (talker, rmc) in &epoch.rmc {
        let fix = from_rmc(rmc, epoch.vtg.as_ref(), at).and_then(|mut candidate| {
            candidate.degraded |= estimated;
            let vehicle = state.vehicle(source, *talker)?;
            state.plausibility.judge(vehicle, &candidate, at)
        });
        results.push(fix.map(FeedEvent::Fix));
    }
    results
}

/// Splits a line in which a lost line end joined sentences; what stands before the first `$` is noise
/// that makes its own fault.
fn split_dollars(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = rest.char_indices().skip(1).find(|(_, c)| *c == '$').map_or(rest.len(), |(at, _)| at);
        let (sentence, after) = rest.split_at(next);
        rest = after;
        Some(sentence)
    })
}

/// Takes one sentence into the epoch.
fn read(sentence: &str, epoch: &mut Epoch) -> Result<(), Reject> {
    if !sentence.starts_with('$') {
        return Err(Reject::Malformed);
    }
    if !matches!(sentence.get(3..6), Some("RMC" | "GGA" | "VTG")) {
        return Ok(());
    }
    if !sentence.contains('*') {
        return Err(Reject::ChecksumMissing);
    }
    let bytes = sentence.as_bytes();
    let talker = [bytes.get(1), bytes.get(2)].map(|byte| byte.copied().unwrap_or_default());
    match parse_str(sentence) {
        Ok(ParseResult::RMC(rmc)) => epoch.rmc.push((talker, rmc)),
        Ok(ParseResult::GGA(gga)) => epoch.gga = Some((talker, gga)),
        Ok(ParseResult::VTG(vtg)) => epoch.vtg = Some(vtg),
        Ok(_) => {}
        Err(nmea::Error::ChecksumMismatch { .. }) => return Err(Reject::Checksum),
        Err(nmea::Error::SentenceLength(_) | nmea::Error::ParameterLength { .. }) => {
            return Err(Reject::TooLong);
        }
        Err(_) => return Err(Reject::Malformed),
    }
    Ok(())
}

fn from_rmc(rmc: &RmcData, vtg: Option<&VtgData>, at: Arrival) -> Result<Candidate, Reject> {
    let invalid = rmc.status_of_fix == RmcStatusOfFix::Invalid
        || rmc.faa_mode == Some(FaaMode::DataNotValid)
        || rmc.nav_status == Some(RmcNavigationStatus::NotValid);
    if invalid {
        return Err(Reject::NoFix);
    }
    if matches!(rmc.faa_mode, Some(FaaMode::Manual | FaaMode::Simulator)) {
        return Err(Reject::FixSource);
    }
    let time = rmc.fix_time.ok_or(Reject::BadTime)?;
    let source_time = match rmc.fix_date {
        Some(date) => WallMs(date.and_time(time).and_utc().timestamp_millis()),
        None => nearest_day(time.signed_duration_since(Default::default()).num_milliseconds(), at.wall),
    };
    check_rollover(source_time, at.wall)?;
    let speed_knots = rmc.speed_over_ground.or(vtg.and_then(|vtg| vtg.speed_over_ground));
    let course = rmc.true_course.or(vtg.and_then(|vtg| vtg.true_course));
    let place = plausible::place(rmc.lat.ok_or(Reject::NoFix)?, rmc.lon.ok_or(Reject::NoFix)?)?;
    let mut candidate = candidate(place, source_time, speed_knots, course);
    candidate.degraded = rmc.faa_mode == Some(FaaMode::Estimated);
    Ok(candidate)
}

fn from_gga(gga: &GgaData, vtg: Option<&VtgData>, at: Arrival) -> Result<Candidate, Reject> {
    if matches!(gga.fix_type, Some(FixType::Manual | FixType::Simulation)) {
        return Err(Reject::FixSource);
    }
    // GGA has no date: the receive date serves.
    let time = gga.fix_time.ok_or(Reject::BadTime)?;
    let source_time = nearest_day(time.signed_duration_since(Default::default()).num_milliseconds(), at.wall);
    let place = plausible::place(gga.latitude.ok_or(Reject::NoFix)?, gga.longitude.ok_or(Reject::NoFix)?)?;
    let speed_knots = vtg.and_then(|vtg| vtg.speed_over_ground);
    let mut candidate = candidate(place, source_time, speed_knots, vtg.and_then(|vtg| vtg.true_course));
    candidate.degraded = gga.fix_type == Some(FixType::Estimated);
    Ok(candidate)
}

fn candidate(place: GeoPoint, time: WallMs, speed_knots: Option<f32>, course: Option<f32>) -> Candidate {
    Candidate {
        source_time: Some(time),
        resolution_ms: 0,
        stale_max_ms: None,
        place,
        heading_deg: course.map(f64::from),
        speed_mps: speed_knots.map(|knots| f64::from(knots) * MPS_PER_KNOT),
        degraded: false,
    }
}

/// The instant of that time of day (milliseconds since midnight, UTC) that is nearest to now.
pub(crate) fn nearest_day(of_day_ms: i64, now: WallMs) -> WallMs {
    let midnight = now.0.div_euclid(DAY_MS) * DAY_MS;
    let ahead = midnight + of_day_ms - now.0;
    let days = if ahead > DAY_MS / 2 { -1 } else { i64::from(ahead < -DAY_MS / 2) };
    WallMs(midnight + of_day_ms + days * DAY_MS)
}

fn check_rollover(time: WallMs, now: WallMs) -> Result<(), Reject> {
    let off = now.since(time);
    let weeks_lost = (off + ROLLOVER_MS / 2).div_euclid(ROLLOVER_MS);
    let rest = off - weeks_lost * ROLLOVER_MS;
    if weeks_lost != 0 && rest.abs() < ROLLOVER_ERROR_MS { Err(Reject::WeekRollover) } else { Ok(()) }
}

/// RMC of talker `GP`, with line end. Minutes have five decimals (about 2 cm), knots and degrees two.
#[must_use]
pub fn encode_rmc(out: &Outgoing<'_>) -> String {
    let angle = |coordinate_e7: i32, width: usize| {
        // Units of 1e-5 minutes, rounded: one such unit is 5/3 of 1e-7 degrees.
        let units = (u64::from(coordinate_e7.unsigned_abs()) * 6 + 5) / 10;
        let (degrees, minutes) = (units / 6_000_000, units % 6_000_000);
        format!("{degrees:0width$}{:02}.{:05}", minutes / 100_000, minutes % 100_000)
    };
    let half = |coordinate_e7: i32, positive, negative| if coordinate_e7 < 0 { negative } else { positive };
    let body = format!(
        "GPRMC,{},A,{},{},{},{},{:.2},{:.2},{},,,A",
        out.wall.format("%H%M%S%.3f"),
        angle(out.place.lat_e7, 2),
        half(out.place.lat_e7, 'N', 'S'),
        angle(out.place.lon_e7, 3),
        half(out.place.lon_e7, 'E', 'W'),
        f64::from(out.speed_mps) / MPS_PER_KNOT,
        out.heading_deg,
        out.wall.format("%d%m%y"),
    );
    let checksum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("${body}*{checksum:02X}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Vehicle;
    use clearway_signals::Millis;
    use proptest::prelude::*;

    const NOW: WallMs = WallMs(1_790_447_311_000);

    fn source() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4001))
    }

    fn state() -> State {
        let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
        engine.udp_source = "127.0.0.1:4001".parse().ok();
        let mut tram = Vehicle::new("tram", VehicleClass::Tram);
        tram.nmea_talker = Some(*b"T1");
        let mut ladder = Vehicle::new("ladder", VehicleClass::Emergency);
        ladder.nmea_talker = Some(*b"F2");
        let registry = Registry::new(vec![engine, tram, ladder]).unwrap();
        State::new(Arc::new(registry), Rules::within(plausible::GeoBox::GLOBE))
    }

    fn now() -> Arrival {
        Arrival { received: Millis(0), wall: NOW }
    }

    fn sentence(body: &str) -> String {
        format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    /// Each datagram, and what becomes of it: the vehicle of each fix, or the reason.
    fn check(datagram: &str, expect: &[Result<u32, Reject>]) {
        let results = parse(datagram.as_bytes(), source(), &mut state(), now());
        let short: Vec<_> = results
            .into_iter()
            .map(|result| {
                result.map(|event| match event {
                    FeedEvent::Fix(fix) => fix.vehicle.0,
                    _ => u32::MAX,
                })
            })
            .collect();
        assert_eq!(short, expect, "{datagram}");
    }

    const RMC: &str = "GPRMC,182831.00,A,6010.0200,N,02456.5000,E,19.44,90.0,260926,,,A";

    #[test]
    fn rmc_gives_a_fix_of_the_vehicle_at_the_source_address() {
        let results = parse(sentence(RMC).as_bytes(), source(), &mut state(), now());
        let [Ok(FeedEvent::Fix(fix))] = results.as_slice() else { panic!("{results:?}") };
        assert_eq!(fix.place, GeoPoint { lat_e7: 601_670_000, lon_e7: 249_416_667 });
        assert_eq!(fix.source_time, Some(NOW));
        assert!((fix.speed_mps.unwrap() - 10.0).abs() < 0.01);
    }

    #[test]
    fn what_is_no_fix_is_refused_by_its_reason() {
        check(&sentence(&RMC.replace(",A,6010", ",V,6010")), &[Err(Reject::NoFix)]);
        check(&sentence(RMC).replace("RMC,18", "RMC,19"), &[Err(Reject::Checksum)]);
        check(RMC, &[Err(Reject::Malformed)]);
        check(&format!("${RMC}"), &[Err(Reject::ChecksumMissing)]);
        check(
            &sentence(&RMC.replace("6010.0200", "0000.0000").replace("02456.5", "00000.0")),
            &[Err(Reject::NullIsland)],
        );
        check(&sentence(&RMC.replace("260926", "100207")), &[Err(Reject::WeekRollover)]);
        check(&sentence(&RMC.replace("182831", "182820")), &[Err(Reject::Stale)]);
        check(&sentence(&RMC.replace("182831", "182834")), &[Err(Reject::Future)]);
        check(&sentence(&RMC.replace(",,,A", ",,,S")), &[Err(Reject::FixSource)]);
        check(&sentence(&RMC.replace("GPRMC", "T1RMC")), &[Err(Reject::ClassMismatch)]);
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], 4001));
        let results = parse(sentence(RMC).as_bytes(), elsewhere, &mut state(), now());
        assert_eq!(results, [Err(Reject::UnknownVehicle)]);
    }

    #[test]
    fn a_talker_id_in_the_registry_names_the_vehicle() {
        check(&sentence(&RMC.replace("GPRMC", "F2RMC")), &[Ok(2)]);
    }

    #[test]
    fn several_sentences_of_one_datagram_are_split() {
        let gga = "GPGGA,182831.00,6010.0200,N,02456.5000,E,1,08,0.9,20.0,M,18.0,M,,";
        let later = RMC.replace("182831.00", "182831.50");
        check(&(sentence(gga) + &sentence(RMC) + &sentence(&later)), &[Ok(0), Ok(0)]);
        check(&(sentence(RMC).trim_end().to_owned() + &sentence(&later)), &[Ok(0), Ok(0)]);
        check(&(sentence(gga) + &sentence("GPGSV,1,1,00")), &[Ok(0)]);
        check(&(sentence(&gga.replace(",1,08", ",0,08")) + &sentence(RMC)), &[Err(Reject::NoFix)]);
        check(&"$GPGSV,1\n".repeat(SENTENCES_MAX + 1), &[Err(Reject::TooMany)]);
    }

    #[test]
    fn a_time_of_day_belongs_to_the_nearest_day() {
        let midnight = WallMs(1_790_380_800_000);
        assert_eq!(nearest_day(DAY_MS - 1000, midnight.plus_ms(500)), midnight.plus_ms(-1000));
        assert_eq!(nearest_day(500, midnight.plus_ms(-500)), midnight.plus_ms(500));
        assert_eq!(nearest_day(DAY_MS / 2, midnight), midnight.plus_ms(DAY_MS / 2));
    }

    #[test]
    fn receiver_logs_are_read_without_panic() {
        let Some(folder) = crate::reference::folder("nmea/gpsd") else { return };
        let mut lines = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for line in bytes.split(|byte| *byte == b'\n') {
                lines += 1;
                // Recorded years ago: whatever is a fix must be too old.
                let results = parse(line, source(), &mut state(), now());
                assert!(results.iter().all(Result::is_err) || !line.starts_with(b"$GPRMC"));
            }
        }
        assert!(lines > 1000, "{lines} lines");
    }

    proptest! {
        #[test]
        fn x8_what_is_encoded_is_decoded(
            lat in -899_000_000_i32..899_000_000, lon in -1_799_000_000_i32..1_799_000_000,
            speed_mps in 0.0_f32..54.9, heading_deg in 0.0_f32..359.9, ms in -9_000_i64..1_900,
        ) {
            let place = GeoPoint { lat_e7: lat, lon_e7: lon };
            prop_assume!(lat.abs() > 200_000);
            let out = Outgoing { external_id: "", place, speed_mps, heading_deg, wall: NOW.plus_ms(ms) };
            let results = parse(encode_rmc(&out).as_bytes(), source(), &mut state(), now());
            let [Ok(FeedEvent::Fix(fix))] = results.as_slice() else { panic!("{results:?}") };
            prop_assert!((fix.place.lat_e7 - lat).abs() <= 2 && (fix.place.lon_e7 - lon).abs() <= 2);
            prop_assert!((fix.speed_mps.unwrap() - speed_mps).abs() < 0.01);
            prop_assert!((fix.heading_deg.unwrap() - heading_deg).abs() < 0.01);
            prop_assert_eq!(fix.source_time, Some(NOW.plus_ms(ms)));
        }

        #[test]
        fn x8_any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&bytes, source(), &mut state(), now());
        }

        #[test]
        fn x8_any_fields_with_a_good_checksum_are_read_without_panic(
            kind in "(GP|F2)(RMC|GGA|VTG)", fields in "[0-9A-Z.,*$;-]{0,80}",
        ) {
            parse(sentence(&format!("{kind},{fields}")).as_bytes(), source(), &mut state(), now());
        }
    }
}
