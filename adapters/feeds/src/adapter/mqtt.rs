//! HFP from an MQTT broker.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish, QoS};
use tokio::time::sleep;

use crate::MESSAGE_BYTES_MAX;
use crate::hfp;
use crate::reject::Reject;

use super::Outlet;

/// Requests waiting for the connection: there is only ever the subscription.
const REQUESTS_MAX: usize = 8;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// First wait after a lost connection; doubled up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// Where the broker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port, 1883 by default.
    pub port: u16,
}

/// A broker's URL that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BrokerError {
    /// Neither `mqtt://` nor anything else that is known.
    #[error("`{0}` is not a broker's address; write mqtt://host:1883")]
    Url(String),
    /// TLS is wanted.
    #[error("`{0}` wants TLS, which this build does not speak; terminate TLS in a local broker or tunnel")]
    Tls(String),
}

impl std::str::FromStr for Broker {
    type Err = BrokerError;

    fn from_str(url: &str) -> Result<Self, BrokerError> {
        let wrong = || BrokerError::Url(url.to_owned());
        if url.starts_with("mqtts://") || url.starts_with("wss://") {
            return Err(BrokerError::Tls(url.to_owned()));
        }
        let authority = url.strip_prefix("mqtt://").ok_or_else(wrong)?.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, 1883),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '?', '#']);
        if plain { Ok(Self { host: host.to_owned(), port }) } else { Err(wrong()) }
    }
}

/// Subscribes, reads, and reconnects until dropped.
pub async fn run(broker: Broker, client_id: String, mut state: hfp::State, outlet: Outlet) {
    let (client, mut connection) = connect(&broker, client_id);
    let mut backoff = BACKOFF_MIN;
    let mut is_new = true;
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                (backoff, is_new) = (BACKOFF_MIN, false);
                // The queue is empty at this point; should it not be, the next connection tries again.
                if client.try_subscribe(hfp::TOPIC_FILTER, QoS::AtMostOnce).is_err() {
                    tracing::warn!(host = broker.host, "subscription not queued");
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => take(&publish, &mut state, &outlet),
            Ok(_) => {}
            Err(error) => {
                // A broker that starts with us may need a moment.
                if std::mem::take(&mut is_new) {
                    tracing::debug!(host = broker.host, port = broker.port, %error, "broker not reached yet");
                } else {
                    tracing::warn!(host = broker.host, port = broker.port, %error, "broker not reached");
                }
                sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

fn connect(broker: &Broker, client_id: String) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client_id, broker.host.clone(), broker.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
    let (client, mut connection) = AsyncClient::new(options, REQUESTS_MAX);
    // Without this the kernel holds messages back: tens of milliseconds at the median.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    connection.set_network_options(network);
    (client, connection)
}

fn take(publish: &Publish, state: &mut hfp::State, outlet: &Outlet) {
    // Retained messages are of the past.
    if publish.retain {
        outlet.tally.reject(Reject::Stale);
        return;
    }
    match hfp::parse(&publish.topic, &publish.payload, state, outlet.arrival()) {
        Ok(events) => events.into_iter().for_each(|event| outlet.give(Ok(event))),
        Err(reject) => outlet.give(Err(reject)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clearway_signals::GeoPoint;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::testing::{NOW, outlet};
    use super::*;
    use crate::fix::{FeedEvent, TransitEvent};
    use crate::hfp::{Journey, Message, Say};
    use crate::outgoing::Outgoing;
    use crate::plausible::{GeoBox, Rules};
    use crate::registry::{Registry, Vehicle, VehicleClass};

    fn message() -> Message {
        let place = GeoPoint::from_degrees(60.17, 24.94).unwrap();
        let out = Outgoing { external_id: "40/407", place, speed_mps: 9.0, heading_deg: 90.0, wall: NOW };
        let journey = Journey {
            class: VehicleClass::Tram,
            line: "4",
            direction: 0,
            headsign: "Munkkiniemi",
            start: "12:50",
            next_stop: None,
            lateness_s: None,
            doors_open: false,
        };
        hfp::encode(&out, &journey, Say::Event(TransitEvent::Position)).unwrap()
    }

    /// A PUBLISH packet of QoS 0.
    fn publish(message: &Message, retain: bool) -> Vec<u8> {
        let length = 2 + message.topic.len() + message.payload.len();
        let mut packet = vec![0x30 | u8::from(retain)];
        // Remaining length, seven bits a byte; these messages need two bytes.
        packet.extend([u8::try_from(length % 128).unwrap() | 0x80, u8::try_from(length / 128).unwrap()]);
        packet.extend(u16::try_from(message.topic.len()).unwrap().to_be_bytes());
        packet.extend(message.topic.as_bytes());
        packet.extend(message.payload.as_bytes());
        packet
    }

    /// Takes CONNECT and SUBSCRIBE of a client and answers both; gives the subscription's filter.
    async fn welcome(stream: &mut TcpStream) -> String {
        let mut packet = [0; 256];
        assert_eq!(stream.read(&mut packet).await.unwrap() > 0, packet[0] == 0x10);
        stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        let length = stream.read(&mut packet).await.unwrap();
        assert_eq!(packet[0], 0x82);
        stream.write_all(&[0x90, 3, packet[2], packet[3], 0]).await.unwrap();
        String::from_utf8_lossy(&packet[6..length - 1]).into_owned()
    }

    #[tokio::test]
    async fn messages_are_taken_again_after_the_broker_came_back_and_retained_ones_never() {
        let mut tram = Vehicle::new("tram", VehicleClass::Tram);
        tram.hfp = "40/407".parse().ok();
        let registry = Arc::new(Registry::new(vec![tram]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let broker = Broker { host: "127.0.0.1".to_owned(), port };
        let state = hfp::State::new(registry, Rules::within(GeoBox::GLOBE));
        let (outlet, mut events) = outlet();
        let tally = outlet.tally.clone();
        let task = tokio::spawn(run(broker, "clearway-test".to_owned(), state, outlet));

        let (mut first, _) = listener.accept().await.unwrap();
        assert_eq!(welcome(&mut first).await, hfp::TOPIC_FILTER);
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        assert_eq!(welcome(&mut second).await, hfp::TOPIC_FILTER);
        second.write_all(&publish(&message(), true)).await.unwrap();
        second.write_all(&publish(&message(), false)).await.unwrap();
        let (event, _) = events.recv().await.unwrap();
        assert!(matches!(event, FeedEvent::Transit(update) if update.line == "4"));
        assert_eq!((tally.accepted(), tally.rejected_for(Reject::Stale)), (1, 1));
        task.abort();
    }

    #[test]
    fn a_broker_is_given_by_url() {
        let broker = |host: &str, port| Ok(Broker { host: host.to_owned(), port });
        assert_eq!("mqtt://127.0.0.1:1884".parse(), broker("127.0.0.1", 1884));
        assert_eq!("mqtt://broker.example/".parse(), broker("broker.example", 1883));
        assert_eq!("mqtt://[::1]:1883".parse(), broker("::1", 1883));
        for wrong in ["broker:1883", "mqtt://", "mqtt://user@host", "mqtt://host:port", "http://host"] {
            assert!(matches!(wrong.parse::<Broker>(), Err(BrokerError::Url(_))), "{wrong}");
        }
        assert!(matches!("mqtts://host:8883".parse::<Broker>(), Err(BrokerError::Tls(_))));
    }
}
