//! What becomes of arbitrary bytes in each decoder. The fuzz targets call these functions, and so does
//! the stable test `tests/corpora.rs` for every file of the corpora.

use std::net::SocketAddr;
use std::sync::Arc;

use clearway_feeds::taip::{Checksum, Dialect};
use clearway_feeds::{
    Arrival, GeoBox, MESSAGE_BYTES_MAX, Registry, Rules, Vehicle, VehicleClass, WallMs, gtfs_rt, hfp, hub,
    nmea, r09, taip,
};
use clearway_signals::{GeoPoint, Millis};

/// 2026-09-26T18:28:31.250Z: the time of the seeds.
const NOW: WallMs = WallMs(1_790_447_311_250);

/// A decoder of this crate.
pub type Decoder = fn(&[u8]);

/// Every decoder, by the name of its target and corpus.
pub const DECODERS: [(&str, Decoder); 6] = [
    ("gtfs_rt", decode_gtfs_rt),
    ("hfp", decode_hfp),
    ("hub", decode_hub),
    ("nmea", decode_nmea),
    ("r09", decode_r09),
    ("taip", decode_taip),
];

/// The vehicles that the seeds speak of, so that mutants get past the registry.
fn registry() -> Arc<Registry> {
    let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
    engine.udp_source = "127.0.0.1:4001".parse().ok();
    engine.taip_id = Some("1234".into());
    engine.hub_resource_id = Some("fi.fire.helsinki.resource.HEL101".into());
    let mut ladder = Vehicle::new("ladder", VehicleClass::Emergency);
    ladder.nmea_talker = Some(*b"F2");
    ladder.hub_resource_id = Some("fi.fire.helsinki.resource.HEL106".into());
    let mut tram = Vehicle::new("tram", VehicleClass::Tram);
    tram.hfp = "40/407".parse().ok();
    tram.nmea_talker = Some(*b"T1");
    tram.r09 = "11/8".parse().ok();
    Arc::new(Registry::new(vec![engine, ladder, tram]).expect("three different vehicles"))
}

fn rules() -> Rules {
    Rules::within(GeoBox::GLOBE)
}

fn source() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4001))
}

/// The same bytes arrive twice: the second time the state knows the first.
fn arrivals() -> [Arrival; 2] {
    [0, 1_000].map(|ms| Arrival { received: Millis(ms), wall: NOW.plus_ms(ms) })
}

/// The topic to the first line break, then the payload.
pub fn decode_hfp(bytes: &[u8]) {
    let (topic, payload) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let Ok(topic) = std::str::from_utf8(topic) else { return };
    let mut state = hfp::State::new(registry(), rules());
    for at in arrivals() {
        let _ = hfp::parse(topic, payload, &mut state, at);
    }
}

/// A GTFS Realtime feed: what was read is written so that it is read the same.
pub fn decode_gtfs_rt(bytes: &[u8]) {
    if let Ok(feed) = gtfs_rt::decode(bytes) {
        let written = gtfs_rt::encode(&feed);
        assert_eq!(gtfs_rt::decode(&written).map(|again| gtfs_rt::encode(&again)), Ok(written));
    }
}

/// The body of a `POST /hub`.
pub fn decode_hub(bytes: &[u8]) {
    let mut state = hub::State::new(registry(), rules());
    for at in arrivals() {
        let _ = hub::parse(&bytes[..bytes.len().min(MESSAGE_BYTES_MAX)], &mut state, at);
    }
}

/// One datagram.
pub fn decode_nmea(bytes: &[u8]) {
    let mut state = nmea::State::new(registry(), rules());
    for at in arrivals() {
        let results = nmea::parse(bytes, source(), &mut state, at);
        assert!(results.len() <= bytes.len() + 1, "more results than bytes");
    }
}

/// One telegram, and what follows its first octet with a checksum that fits: what is read is written so
/// that it is read the same.
pub fn decode_r09(bytes: &[u8]) {
    let points = (0..4).map(|report| {
        let place = GeoPoint { lat_e7: 510_500_000, lon_e7: 137_000_000 };
        r09::Point { number: 51_644 + report, place, direction: 1, at_stop: true }
    });
    let dialect = r09::Dialect { points: points.collect(), positive_is_early: false };
    let mut state = r09::State::new(registry(), rules(), &dialect);
    let sealed = r09::sealed(bytes.get(1..).unwrap_or_default());
    for at in arrivals() {
        let _ = r09::parse(bytes, &mut state, at);
        let _ = r09::parse(&sealed, &mut state, at);
    }
    if let Ok(telegram) = r09::decode(&sealed) {
        assert_eq!(r09::decode(&r09::encode(&telegram)), Ok(telegram));
    }
}

/// One datagram, in each dialect.
pub fn decode_taip(bytes: &[u8]) {
    for checksum in [Checksum::IncludingStar, Checksum::ExcludingStar, Checksum::Absent] {
        let dialect = Dialect { checksum, ..Dialect::default() };
        let mut state = taip::State::new(registry(), rules(), dialect);
        for at in arrivals() {
            let results = taip::parse(bytes, source(), &mut state, at);
            assert!(results.len() <= bytes.len() + 1, "more results than bytes");
        }
    }
}
