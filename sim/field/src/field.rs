//! The field on real sockets: every controller of a network behind its protocol face, stepped by the clock.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clearway_network::Network;
use clearway_signals::{ControllerId, Millis, Mode, RowId};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::emulator::{ArmingFault, Aspect, Emulator, Options, TICK};
use crate::faces::{Shared, modbus, ntcip, rsmp};
use crate::monitor::{Totals, Violation};
use crate::proxy::{Fault, Proxy, Speech};
use crate::station::Station;

/// Behind which protocol a controller stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum FaceKind {
    /// No socket: only the host reaches it.
    #[default]
    None,
    /// NTCIP 1202 over SNMP v1 and v2c, UDP.
    Ntcip,
    /// The Modbus register map, TCP.
    Modbus,
    /// RSMP: the controller connects to its supervisors, TCP.
    Rsmp,
}

/// A clock of the host: the field's time. It must not run backwards.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// How a field is started.
#[derive(Clone)]
pub struct FieldOptions {
    /// The address that all faces listen on; loopback unless told otherwise.
    pub bind: IpAddr,
    /// Controller n listens on `base_port + n`; `None`: the system chooses.
    pub base_port: Option<u16>,
    /// Field seconds for each real second, above zero; used when no clock is given.
    pub speed: f64,
    /// The host's clock instead of the field's own.
    pub clock: Option<Clock>,
    /// The SNMP community.
    pub community: String,
    /// Who else may speak to the SNMP agents.
    pub ntcip: ntcip::Setup,
    /// How every Modbus controller is reached, and what registers it has.
    pub modbus: modbus::Setup,
    /// Setting of every emulator; the field's own clock begins at its `start`.
    pub emulator: Options,
    /// The controllers have been at work for so long when the field starts, an hour at most; zero: they
    /// start up from all red.
    pub at_work_for: Millis,
    /// Setting of every RSMP face.
    pub rsmp: rsmp::Options,
    /// A proxy before every face does this to what passes, with draws from this seed.
    pub fault: Option<(Fault, u64)>,
    /// TLS of every RSMP face; in clear when not given.
    pub rsmp_tls: Option<rsmp::Tls>,
}

impl Default for FieldOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            speed: 1.0,
            clock: None,
            community: "administrator".into(),
            ntcip: ntcip::Setup::default(),
            modbus: modbus::Setup::default(),
            emulator: Options::default(),
            at_work_for: Millis::ZERO,
            rsmp: rsmp::Options::default(),
            fault: None,
            rsmp_tls: None,
        }
    }
}

/// Why a field cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// A face's socket cannot be bound.
    #[error("controller {controller}: cannot listen on {address}: {reason}")]
    Bind {
        /// The model's id of the controller.
        controller: String,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The port numbers run over the end.
    #[error("base port {0} leaves no room for every controller")]
    Ports(u16),
    /// The speed is no positive number.
    #[error("speed {0} is no positive number")]
    Speed(f64),
}

/// A running field. Dropping it stops its tasks; [`Field::shutdown`] waits for them.
pub struct Field {
    stations: Vec<Shared>,
    addresses: Vec<Option<SocketAddr>>,
    faces: Vec<FaceKind>,
    clock: Clock,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    proxies: Vec<Proxy>,
}

impl Field {
    /// Start a controller for each of the network, `faces[n]` before controller n (`None` where the
    /// list is shorter), and the clock. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A [`FieldError`]; nothing keeps running then.
    pub async fn start(
        network: &Network,
        faces: &[FaceKind],
        mut options: FieldOptions,
    ) -> Result<Self, FieldError> {
        if !(options.speed.is_finite() && options.speed > 0.0) {
            return Err(FieldError::Speed(options.speed));
        }
        let speed = options.speed;
        let clock = options.clock.clone().unwrap_or_else(|| own_clock(options.emulator.start, speed));
        let now = on_grid(clock());
        let emulator = Options { start: on_grid(now - options.at_work_for), ..options.emulator };
        let station = |(index, controller)| {
            let mut station = Station::new(controller, emulator_of(faces.get(index).copied(), emulator));
            station.advance(now);
            Shared::new(station)
        };
        let stations: Vec<Shared> = network.controllers.iter().enumerate().map(station).collect();
        let mut field = Self {
            addresses: Vec::with_capacity(stations.len()),
            faces: (0..stations.len()).map(|n| faces.get(n).copied().unwrap_or_default()).collect(),
            stations,
            clock,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            proxies: Vec::new(),
        };
        field.disturb_supervisors(&mut options).await?;
        for (index, controller) in network.controllers.iter().enumerate() {
            if field.faces[index] == FaceKind::Rsmp {
                let station = field.stations[index].clone();
                let setting = (&options.rsmp, options.rsmp_tls.as_ref());
                rsmp::spawn(network, controller, station, setting, &field.stop, &mut field.tasks);
            }
            let address = field.open(index, &controller.name, &options).await?;
            let address = field.disturb(index, &controller.name, address, &options).await?;
            field.addresses.push(address);
        }
        // Several looks at the clock for each tick, so that a tick is never long overdue.
        let period = if options.clock.is_some() { 0.02 } else { (0.02 / speed).clamp(0.005, 0.02) };
        let ticker = run_clock(
            field.stations.clone(),
            Arc::clone(&field.clock),
            Duration::from_secs_f64(period),
            field.stop.clone(),
        );
        field.tasks.spawn(ticker);
        Ok(field)
    }

    async fn open(
        &mut self,
        index: usize,
        name: &str,
        options: &FieldOptions,
    ) -> Result<Option<SocketAddr>, FieldError> {
        let port = if options.fault.is_some() { 0 } else { port_of(options.base_port, index)? };
        let address = SocketAddr::new(options.bind, port);
        let refused = |reason: String| FieldError::Bind { controller: name.into(), address, reason };
        let station = self.stations[index].clone();
        match self.faces[index] {
            FaceKind::None | FaceKind::Rsmp => Ok(None),
            FaceKind::Ntcip => {
                let agent =
                    ntcip::bind(address, &options.community, &options.ntcip, station, self.stop.clone())
                        .await
                        .map_err(refused)?;
                let bound = agent.local_addr();
                self.tasks.spawn(async move {
                    if let Err(error) = agent.run().await {
                        tracing::error!(%bound, %error, "ntcip face stopped");
                    }
                });
                Ok(Some(bound))
            }
            FaceKind::Modbus => {
                let listener = modbus::bind(address).await.map_err(|error| refused(error.to_string()))?;
                let bound = listener.local_addr().map_err(|error| refused(error.to_string()))?;
                let device = modbus::Device::new(station, options.modbus.clone());
                self.tasks.spawn(modbus::serve(listener, device, self.stop.clone()));
                Ok(Some(bound))
            }
        }
    }

    /// Put a proxy before a face; where it is reached then.
    async fn disturb(
        &mut self,
        index: usize,
        name: &str,
        face: Option<SocketAddr>,
        options: &FieldOptions,
    ) -> Result<Option<SocketAddr>, FieldError> {
        let (Some(face), Some((fault, seed))) = (face, options.fault) else { return Ok(face) };
        let address = SocketAddr::new(options.bind, port_of(options.base_port, index)?);
        let seed = seed.wrapping_add(index as u64);
        let proxy = match self.faces[index] {
            FaceKind::Ntcip => Proxy::udp(address, face, seed).await,
            _ => Proxy::tcp(address, face.to_string(), Speech::Modbus, seed).await,
        };
        let refused = |error: std::io::Error| FieldError::Bind {
            controller: name.into(),
            address,
            reason: error.to_string(),
        };
        let proxy = proxy.map_err(refused)?;
        proxy.set(fault);
        let address = proxy.address();
        self.proxies.push(proxy);
        Ok(Some(address))
    }

    /// Put a proxy before every supervisor of the RSMP faces.
    async fn disturb_supervisors(&mut self, options: &mut FieldOptions) -> Result<(), FieldError> {
        let (Some((fault, seed)), true) = (options.fault, self.faces.contains(&FaceKind::Rsmp)) else {
            return Ok(());
        };
        for supervisor in &mut options.rsmp.supervisors {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
            let refused = |error: std::io::Error| FieldError::Bind {
                controller: supervisor.clone(),
                address,
                reason: error.to_string(),
            };
            let proxy = Proxy::tcp(address, supervisor.clone(), Speech::Rsmp, seed).await.map_err(refused)?;
            proxy.set(fault);
            *supervisor = proxy.address().to_string();
            self.proxies.push(proxy);
        }
        Ok(())
    }

    /// How many controllers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stations.len()
    }

    /// Whether there is no controller.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }

    /// Where a controller's face listens; `None` without a socket, and for RSMP, which connects.
    #[must_use]
    pub fn address(&self, controller: ControllerId) -> Option<SocketAddr> {
        self.addresses.get(controller.index()).copied().flatten()
    }

    /// Behind which protocol a controller stands.
    #[must_use]
    pub fn face(&self, controller: ControllerId) -> FaceKind {
        self.faces.get(controller.index()).copied().unwrap_or_default()
    }

    /// The field's time now.
    #[must_use]
    pub fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Do something with one emulator under its lock: keep it short. `None` for an unknown controller.
    pub fn with<R>(&self, controller: ControllerId, act: impl FnOnce(&mut Emulator) -> R) -> Option<R> {
        self.stations.get(controller.index()).map(|station| act(station.lock().emulator_mut()))
    }

    /// Bring every controller to `until`, an hour further at most, where the field's clock has not done so
    /// yet: for a host that is about to look at that very tick.
    pub fn advance(&self, until: Millis) {
        advance(&self.stations, until);
    }

    /// Copy what each group of a controller shows; whether there is such a controller.
    pub fn copy_aspects(&self, controller: ControllerId, into: &mut Vec<Aspect>) -> bool {
        into.clear();
        self.with(controller, |emulator| into.extend_from_slice(emulator.aspects())).is_some()
    }

    /// The physical input of a preempt row.
    pub fn set_physical(&self, controller: ControllerId, row: RowId, on: bool) {
        self.with(controller, |emulator| emulator.set_physical(row, on));
    }

    /// The operating mode, as a person at the cabinet sets it.
    pub fn set_mode(&self, controller: ControllerId, mode: Mode) {
        self.with(controller, |emulator| emulator.set_mode(mode));
    }

    /// Make a controller report something that keeps it from being armed.
    pub fn refuse_arming(&self, controller: ControllerId, fault: ArmingFault) {
        self.with(controller, |emulator| emulator.refuse_arming(fault));
    }

    /// A vehicle passes a detector; whether there is such a detector.
    pub fn detector_pulse(&self, controller: ControllerId, number: u8) -> bool {
        self.with(controller, |emulator| emulator.detector_pulse(number)).unwrap_or(false)
    }

    /// What all monitors counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.stations.iter().fold(Totals::default(), |sum, s| sum.plus(s.lock().monitor().totals()))
    }

    /// What one monitor counted.
    #[must_use]
    pub fn totals_of(&self, controller: ControllerId) -> Totals {
        self.stations.get(controller.index()).map_or_else(Totals::default, |s| s.lock().monitor().totals())
    }

    /// The first violations of every controller.
    #[must_use]
    pub fn violations(&self) -> Vec<(ControllerId, Violation)> {
        let of = |(id, station): (u16, &Shared)| {
            let found = station.lock().monitor().violations().to_vec();
            found.into_iter().map(move |violation| (ControllerId(id), violation))
        };
        (0u16..).zip(&self.stations).flat_map(of).collect()
    }

    /// Stop every face and the clock, and wait until they have stopped.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// RSMP controllers have no dead-man timer of the unit and show the start-up intervals of their list.
fn emulator_of(face: Option<FaceKind>, options: Options) -> Options {
    match face {
        Some(FaceKind::Rsmp) => {
            Options { backup_time: Millis::ZERO, startup_interval: rsmp::STARTUP_INTERVAL, ..options }
        }
        _ => options,
    }
}

fn port_of(base_port: Option<u16>, index: usize) -> Result<u16, FieldError> {
    let Some(base) = base_port else { return Ok(0) };
    let port = u16::try_from(index).ok().and_then(|index| base.checked_add(index));
    port.ok_or(FieldError::Ports(base))
}

/// Real time since now, times the speed, from `start`.
fn own_clock(start: Millis, speed: f64) -> Clock {
    let begun = Instant::now();
    Arc::new(move || {
        #[allow(clippy::cast_possible_truncation)]
        let passed = (begun.elapsed().as_secs_f64() * 1000.0 * speed) as i64;
        start + Millis(passed)
    })
}

fn on_grid(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(TICK.0))
}

fn advance(stations: &[Shared], until: Millis) {
    for station in stations {
        station.lock().advance(until);
    }
}

/// Bring every station to the clock's time. A late wake-up is caught up tick by tick, an hour at most
/// at a time.
async fn run_clock(stations: Vec<Shared>, clock: Clock, period: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        advance(&stations, clock());
    }
}
