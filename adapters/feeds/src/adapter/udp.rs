//! What comes over UDP: positions by NMEA or TAIP, telegrams of R09, as the source is configured.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use crate::fix::{Arrival, FeedEvent};
use crate::reject::Reject;
use crate::{nmea, r09, taip};

use super::Outlet;

/// The longest datagram that is read; what is longer is refused.
const DATAGRAM_BYTES_MAX: usize = 4096;

/// What a UDP source speaks, with its memory.
#[derive(Clone, Debug)]
pub enum Speech {
    /// NMEA 0183.
    Nmea(nmea::State),
    /// TAIP.
    Taip(taip::State),
    /// VDV R09.16.
    R09(r09::State),
}

impl Speech {
    fn parse(&mut self, datagram: &[u8], from: SocketAddr, at: Arrival) -> Vec<Result<FeedEvent, Reject>> {
        match self {
            Self::Nmea(state) => nmea::parse(datagram, from, state, at),
            Self::Taip(state) => taip::parse(datagram, from, state, at),
            Self::R09(state) => vec![r09::parse(datagram, state, at)],
        }
    }
}

/// Listens until dropped.
///
/// # Errors
/// When the socket fails; refusals by the peer's host (ICMP) do not count.
pub async fn run(socket: UdpSocket, mut speech: Speech, outlet: Outlet) -> io::Result<()> {
    let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => continue,
            Err(error) => return Err(error),
        };
        if length > DATAGRAM_BYTES_MAX {
            outlet.tally.reject(Reject::TooLong);
            continue;
        }
        for result in speech.parse(&buffer[..length], from, outlet.arrival()) {
            outlet.give(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clearway_signals::{GeoPoint, VehicleId};

    use super::super::testing::{NOW, outlet};
    use super::*;
    use crate::outgoing::Outgoing;
    use crate::plausible::{GeoBox, Rules};
    use crate::registry::{Registry, Vehicle, VehicleClass};

    #[tokio::test]
    async fn a_datagram_becomes_a_stamped_fix_and_a_bad_one_a_count() {
        let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
        engine.udp_source = "127.0.0.1".parse().ok();
        let registry = Arc::new(Registry::new(vec![engine]).unwrap());
        let speech = Speech::Nmea(nmea::State::new(registry, Rules::within(GeoBox::GLOBE)));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (outlet, mut events) = outlet();
        let tally = outlet.tally.clone();
        let task = tokio::spawn(run(socket, speech, outlet));

        let place = GeoPoint::from_degrees(60.17, 24.94).unwrap();
        let out = Outgoing { external_id: "", place, speed_mps: 10.0, heading_deg: 90.0, wall: NOW };
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        sender.send_to(&[b'x'; DATAGRAM_BYTES_MAX + 1], address).await.unwrap();
        sender.send_to(nmea::encode_rmc(&out).as_bytes(), address).await.unwrap();
        let (event, decoded_ns) = events.recv().await.unwrap();
        assert_eq!(decoded_ns, 5_000_000);
        assert!(matches!(event, FeedEvent::Fix(fix) if fix.vehicle == VehicleId(0)));
        assert_eq!((tally.accepted(), tally.rejected_for(Reject::TooLong)), (1, 1));
        task.abort();
    }
}
