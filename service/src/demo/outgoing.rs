//! What the town sends: its vehicles' and its dispatch centre's messages, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use clearway_feeds::hub::{self, ResourceOut, Status};
use clearway_feeds::taip::Dialect;
use clearway_feeds::{Outgoing, TransitEvent, VehicleClass, WallMs, hfp, nmea, taip};
use clearway_network::Network;
use clearway_signals::GeoPoint;
use clearway_traffic::{Fix, TramView};
use miette::{IntoDiagnostic, Result, miette};
use rumqttc::{AsyncClient, MqttOptions, NetworkOptions, QoS};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::settings::TRAMS_PER_LINE;
use super::story::{AMBULANCE, CASE, ENGINE, FIRE, LADDER, tram_identity};

/// Messages that wait for the broker.
const PUBLISH_ROOM: usize = 2_000;
/// The dispatch centre gives up a post after this.
const POST_WITHIN: Duration = Duration::from_secs(5);

/// The senders' own sockets, open before the configuration is written: a vehicle is known by its address.
pub struct Senders {
    nmea: UdpSocket,
    taip: UdpSocket,
}

impl Senders {
    /// Open the vehicles' sockets.
    ///
    /// # Errors
    /// What the system says.
    pub async fn open() -> Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let nmea = UdpSocket::bind(any).await.into_diagnostic()?;
        let taip = UdpSocket::bind(any).await.into_diagnostic()?;
        Ok(Self { nmea, taip })
    }

    /// The address that the fire engine's sentences come from.
    #[must_use]
    pub fn nmea_source(&self) -> SocketAddr {
        // A bound socket has an address; without one nothing would be known by it.
        self.nmea.local_addr().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Join the feeds of a running engine.
    ///
    /// # Errors
    /// A feed that is missing, or a broker's address that is none.
    pub fn join(self, feeds: &[(String, SocketAddr)], broker: Option<&str>) -> Result<Airwaves> {
        let of = |name: &str| {
            let found = feeds.iter().find(|(feed, _)| feed == name).map(|(_, address)| *address);
            found.ok_or_else(|| miette!("the feed {name} does not run"))
        };
        let broker = match broker {
            Some(url) => url.parse().into_diagnostic()?,
            None => {
                let address = of("hfp")?;
                clearway_feeds::adapter::mqtt::Broker { host: address.ip().to_string(), port: address.port() }
            }
        };
        let (client, connection) = publish_to(&broker);
        Ok(Airwaves {
            to_nmea: of("nmea")?,
            to_taip: of("taip")?,
            hub: format!("http://{}/hub", of("hub")?),
            senders: self,
            client,
            connection,
            sent: 0,
        })
    }
}

/// Everything that the town sends.
pub struct Airwaves {
    senders: Senders,
    to_nmea: SocketAddr,
    to_taip: SocketAddr,
    hub: String,
    client: AsyncClient,
    connection: JoinHandle<()>,
    sent: u64,
}

impl Drop for Airwaves {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn publish_to(broker: &clearway_feeds::adapter::mqtt::Broker) -> (AsyncClient, JoinHandle<()>) {
    let mut options = MqttOptions::new("town", broker.host.clone(), broker.port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut events) = AsyncClient::new(options, PUBLISH_ROOM);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    let connection = tokio::spawn(async move {
        loop {
            if events.poll().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    (client, connection)
}

impl Airwaves {
    /// The fire engine's receiver speaks: RMC over UDP. One sentence in twenty is garbled on the air.
    pub async fn engine(&mut self, fix: &Fix, wall: WallMs) {
        let mut sentence = nmea::encode_rmc(&said(fix, "", wall));
        self.sent += 1;
        // A vehicle on the road repeats itself every second: what is lost here costs nothing.
        let _ = self.senders.nmea.send_to(sentence.as_bytes(), self.to_nmea).await;
        if self.sent.is_multiple_of(20) {
            sentence = sentence.replacen(",A,", ",V,", 1);
            let _ = self.senders.nmea.send_to(sentence.as_bytes(), self.to_nmea).await;
        }
    }

    /// The ambulance stands at its station and says so: TAIP over UDP, without a mission.
    pub async fn ambulance(&self, place: GeoPoint, wall: WallMs) {
        let out = Outgoing { external_id: AMBULANCE.taip_id, place, speed_mps: 0.0, heading_deg: 0.0, wall };
        let dialect = Dialect { checksum: taip::Checksum::IncludingStar, gps_utc_offset_s: 18 };
        let _ = self.senders.taip.send_to(taip::encode_pv(&out, dialect).as_bytes(), self.to_taip).await;
    }

    /// The ladder stands at its station, and the dispatch centre says so: GEO-POS over HTTP.
    pub fn ladder(&self, place: GeoPoint, wall: WallMs) {
        let out = Outgoing { external_id: LADDER.hub_id, place, speed_mps: 0.0, heading_deg: 0.0, wall };
        self.post(hub::encode_geo_pos(&[(out, None)]));
    }

    /// A tram reports: HFP over MQTT. The broker of the real feed delivers each message more than
    /// once; so does this town.
    pub fn tram(&self, network: &Network, fix: &Fix, tram: &TramView, wall: WallMs) {
        let line = &network.lines[tram.line.index()];
        let id = tram_identity(tram.line.0, tram.run % TRAMS_PER_LINE);
        let stop = tram.next_stop.and_then(|s| network.stops.get(s.index())).map(|s| s.id.as_str());
        let journey = hfp::Journey {
            class: VehicleClass::Tram,
            line: &line.designation,
            direction: line.direction,
            headsign: "",
            start: "12:00",
            next_stop: stop.filter(|id| id.bytes().all(|b| b.is_ascii_digit())),
            lateness_s: i32::try_from(tram.lateness.0 / 1000).ok(),
            doors_open: tram.doors_open,
        };
        let say = hfp::Say::Event(TransitEvent::Position);
        let Ok(message) = hfp::encode(&said(fix, &id, wall), &journey, say) else { return };
        for _ in 0..2 {
            let _ = self.client.try_publish(
                message.topic.clone(),
                QoS::AtMostOnce,
                false,
                message.payload.clone(),
            );
        }
    }

    /// The call is taken: a dwelling fire.
    pub fn call(&self, place: GeoPoint, wall: WallMs) {
        self.post(hub::encode_rc_eda(CASE, FIRE.0, FIRE.1, place, wall));
    }

    /// The fire engine's part in the case changes.
    pub fn engaged(&self, status: Status, wall: WallMs) {
        let resource = ResourceOut { resource_id: ENGINE.hub_id, status, since: wall, position: None };
        self.post(hub::encode_rc_ri(CASE, &[resource]));
    }

    fn post(&self, body: String) {
        let url = self.hub.clone();
        tokio::task::spawn_blocking(move || {
            let agent: ureq::Agent =
                ureq::Agent::config_builder().timeout_global(Some(POST_WITHIN)).build().into();
            if let Err(error) = agent.post(&url).header("content-type", "application/json").send(body) {
                tracing::error!(%error, "the dispatch centre's message was not taken");
            }
        });
    }
}

#[allow(clippy::cast_possible_truncation)]
fn said<'a>(fix: &Fix, external_id: &'a str, wall: WallMs) -> Outgoing<'a> {
    Outgoing {
        external_id,
        place: fix.place,
        speed_mps: fix.speed_m_s as f32,
        heading_deg: fix.heading_deg as f32,
        wall,
    }
}
