//! A controller of the street: the emulator with its monitor, behind its protocol, with its faults.

mod faces;

use clearway_contract::{Protocol, Site as Contracted};
use clearway_field::faces::rsmp::{self, Lifetimes, STARTUP_INTERVAL};
use clearway_field::{Emulator, Options, Station, Totals};
use clearway_network::{Controller, Network};
use clearway_rsmp::session::Instant;
use clearway_rsmp::{Binding, Core, SecurityCode, Sxl};
use clearway_signals::limits::BACKUP_TIME_MAX;
use clearway_signals::{
    Channel, ControllerId, GroupId, Millis, Mode, Owner, PreemptState, RowId, RowKind, RowSet,
};

use super::packet::Packet;
pub(crate) use faces::Face;

/// RSMP sites drop what nobody refreshes this long after its arrival; proved at commissioning.
const RSMP_LIFETIME: Millis = Millis::from_s(10);
const RSMP_PRESENCE: Millis = Millis::from_s(120);

/// How a controller lies, or fails to answer.
#[derive(Clone, Debug, Default)]
pub(crate) enum Lie {
    /// It does not.
    #[default]
    None,
    /// Nothing is answered; what comes is carried out.
    Mute,
    /// Nothing reaches it.
    Dead,
    /// Writes are accepted and not carried out.
    Deaf,
    /// Writes are refused.
    Refusing,
    /// Answers come this much later.
    Late(Millis),
    /// Answers carry another request's id.
    WrongId,
    /// Readings are those of an earlier moment.
    Stale(Box<Station>),
}

/// What keeps a controller from being armed, though it might be asked all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Unsafe {
    /// Nothing.
    #[default]
    No,
    /// Its entry into a preemption cuts the yellow of running greens (entry yellow 0).
    CutsYellow,
    /// Its dead-man timer is off.
    NoDeadMan,
    /// It is another controller than the model says.
    OtherConfiguration,
}

/// A write as it reached the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    /// Only rows and objects that are ours were written.
    pub allowed: bool,
    /// It was carried out.
    pub taken: bool,
    /// How long what it calls may live by its own words: its time to live, the arrival or the
    /// departure that it announces. Zero where it announces none.
    pub lives: Millis,
}

/// What became of a packet.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The answers.
    pub answers: Vec<Packet>,
    /// Whether a reading of the rows was answered.
    pub read: bool,
    /// The write that it carried.
    pub written: Option<Written>,
}

/// One controller.
#[derive(Debug)]
pub(crate) struct Device {
    pub station: Station,
    face: Face,
    pub lie: Lie,
    pub hazard: Unsafe,
    pub hazard_since: Millis,
    /// The stations before restarts: their monitors' counts.
    before: Totals,
    booted: Millis,
    pub own: RowSet,
    own_preempts: RowSet,
    options: Options,
    /// Somebody else keeps the dead-man timer fed until then, and did so last at this time.
    fed_until: Millis,
    fed_at: Millis,
    /// When each own row was last in service.
    served_at: Vec<Millis>,
}

impl Device {
    /// The controller of the model, behind `protocol`.
    pub fn new(
        network: &Network,
        controller: &Controller,
        protocol: Protocol,
        now: Millis,
        wall_ms: i64,
    ) -> Self {
        let options = match protocol {
            Protocol::Rsmp => Options {
                start: now,
                backup_time: Millis::ZERO,
                startup_interval: STARTUP_INTERVAL,
                ..Options::default()
            },
            Protocol::Ntcip | Protocol::Modbus => Options { start: now, ..Options::default() },
        };
        let station = Station::new(controller, options);
        let site = site_of(controller, protocol, false);
        let instant = Instant { at: now, unix_ms: wall_ms };
        let own = site.own_rows();
        let is_preempt =
            |row: &RowId| site.rows.get(row.index()).is_some_and(|r| r.channel == Channel::Preempt);
        Self {
            face: Face::new(network, controller, protocol, &station, instant),
            station,
            lie: Lie::None,
            hazard: Unsafe::No,
            hazard_since: Millis::ZERO,
            before: Totals::default(),
            booted: now,
            own_preempts: own.iter().filter(is_preempt).fold(RowSet::EMPTY, RowSet::with),
            own,
            options,
            fed_until: Millis::ZERO,
            fed_at: Millis(-1_000_000),
            served_at: vec![Millis(-1_000_000); controller.rows.len()],
        }
    }

    pub fn emulator(&self) -> &Emulator {
        self.station.emulator()
    }

    /// Go on to `now`, tick by tick.
    pub fn tick(&mut self, now: Millis) {
        if self.hazard == Unsafe::CutsYellow {
            self.cut_yellow();
        }
        self.station.advance(now);
        if let Some(row) = self.emulator().serving() {
            self.served_at[row.index()] = now;
        }
    }

    /// What a controller with an entry yellow of zero shows once a preemption is entered.
    fn cut_yellow(&mut self) {
        use clearway_field::Aspect;
        let emulator = self.station.emulator();
        let entering = emulator.serving().is_some_and(|row| {
            self.own_preempts.contains(row) && emulator.preempt_state(row) == PreemptState::EntryStarted
        });
        let yellow = emulator.aspects().iter().position(|aspect| *aspect == Aspect::Yellow);
        let cut = yellow.filter(|_| entering).and_then(|group| u8::try_from(group).ok());
        if let Some(group) = cut {
            self.station.emulator_mut().stick_lamp(Some((GroupId(group), Aspect::Red)));
        }
    }

    /// The hazard, as far as the protocol lets it be seen: what no reading shows no gate can refuse.
    pub fn visible(&self, hazard: Unsafe) -> Unsafe {
        if self.face.shows_hazards() { hazard } else { Unsafe::No }
    }

    /// The connection that stands, where the controller is the one who closes it.
    pub fn connection(&self) -> Option<u32> {
        self.face.connection()
    }

    /// Every connection is reset; what the other end is told.
    pub fn cut_connections(&mut self, now: Millis, wall_ms: i64) -> Vec<Packet> {
        self.face.cut(Instant { at: now, unix_ms: wall_ms })
    }

    /// What the monitors counted since the start.
    pub fn totals(&self) -> Totals {
        self.before.plus(self.station.monitor().totals())
    }

    /// Cut the power: start from all red, nothing is remembered.
    pub fn reboot(
        &mut self,
        network: &Network,
        controller: &Controller,
        protocol: Protocol,
        now: Millis,
        wall_ms: i64,
    ) {
        self.before = self.totals();
        let backup_time =
            if self.hazard == Unsafe::NoDeadMan { Millis::ZERO } else { self.options.backup_time };
        self.station = Station::new(controller, Options { start: now, backup_time, ..self.options });
        self.booted = now;
        self.face.reboot(network, controller, protocol, &self.station, Instant { at: now, unix_ms: wall_ms });
    }

    /// Own rows on the preempt channel that the remote input holds, and whether a priority request of an
    /// own row is held.
    pub fn held(&self) -> (RowSet, bool) {
        let status = self.emulator().status();
        let preempts = status.remote.iter().filter(|row| self.own_preempts.contains(*row));
        (preempts.fold(RowSet::EMPTY, RowSet::with), status.priority.is_some())
    }

    /// The first own row on the preempt channel.
    pub fn emergency_row(&self) -> Option<RowId> {
        self.own_preempts.iter().next()
    }

    /// Whether an own row was in service within the last `within`.
    pub fn served_within(&self, row: RowId, now: Millis, within: Millis) -> bool {
        self.served_at.get(row.index()).is_some_and(|at| now - *at <= within)
    }

    /// Whether it may be armed at all. S6: "arm requires all read-backs", so that a controller which shows what
    /// was is judged by that: no gate can refuse what no reading shows.
    pub fn is_armable(&self) -> bool {
        let shown = if let Lie::Stale(earlier) = &self.lie { earlier } else { &self.station };
        self.hazard == Unsafe::No && matches!(shown.emulator().mode(), Mode::Normal | Mode::Backup)
    }

    /// S8: how long a call of ours may stay on after the last write that reached it: the controller's own
    /// timer and what the write announced, whichever is longer (NTCIP), or one after the other (RSMP).
    pub fn outlives(&self, protocol: Protocol, announced: Millis) -> Millis {
        match protocol {
            Protocol::Ntcip => self.options.backup_time.max(announced),
            Protocol::Modbus => announced,
            // Stale ten seconds after the arrival that was announced, or after the last update.
            Protocol::Rsmp => announced + Lifetimes::default().stale_after,
        }
    }

    /// Somebody else feeds the dead-man timer from now on, every five seconds.
    pub fn be_fed(&mut self, until: Millis) {
        self.fed_until = until;
    }

    /// As an ATMS does that sets its pattern: any command feeds the one timer of the unit.
    pub fn feed(&mut self, now: Millis) {
        if now < self.fed_until && now.0 % 5_000 == 0 {
            self.station.emulator_mut().feed();
            self.fed_at = now;
        }
    }

    /// Whether the timer still runs on what somebody else sent: safety.md 3 of its controllers, "reset by a SET
    /// of any control parameter by anybody". What then ends a call is its maximum presence (S9).
    pub fn is_fed(&self, now: Millis) -> bool {
        now - self.fed_at <= self.options.backup_time + Millis::from_s(1)
    }

    /// A packet arrives.
    pub fn receive(&mut self, packet: Packet, now: Millis, wall_ms: i64) -> Outcome {
        if matches!(self.lie, Lie::Dead) {
            return Outcome::default();
        }
        let seen = faces::Seen {
            own: self.own,
            lie: &self.lie,
            hazard: self.hazard,
            instant: Instant { at: now, unix_ms: wall_ms },
            uptime: now - self.booted,
        };
        let mut outcome = self.face.receive(packet, &mut self.station, &seen);
        if matches!(self.lie, Lie::Mute) {
            outcome.answers.clear();
        }
        outcome
    }

    /// What it says by itself.
    pub fn speak(&mut self, now: Millis, wall_ms: i64) -> Vec<Packet> {
        // Nobody hears it while it is not reached; its requests age all the same.
        let said = self.face.speak(&mut self.station, Instant { at: now, unix_ms: wall_ms });
        if matches!(self.lie, Lie::Mute | Lie::Dead) { Vec::new() } else { said }
    }

    /// Be well again: what was broken is mended, the mode is normal.
    pub fn mend(&mut self) {
        self.lie = Lie::None;
        self.hazard = Unsafe::No;
        self.fed_until = Millis::ZERO;
        let foreign: Vec<RowId> = self.emulator().status().physical.iter().collect();
        let emulator = self.station.emulator_mut();
        foreign.into_iter().for_each(|row| emulator.set_physical(row, false));
        emulator.stick_lamp(None);
        emulator.set_mode(Mode::Normal);
    }
}

/// What the centre is told of a controller. In the shadow nothing is ours.
pub(crate) fn site_of(controller: &Controller, protocol: Protocol, shadow: bool) -> Contracted {
    let mut rows = controller.rows.clone();
    if shadow {
        rows.iter_mut().for_each(|row| row.owner = Owner::Other);
    }
    Contracted {
        controller: controller.id,
        name: controller.name.clone(),
        protocol,
        address: String::new(),
        groups: controller.groups.clone(),
        group_numbers: controller.group_numbers.clone(),
        relations: controller.relations.clone(),
        rows,
        capabilities: controller.capabilities,
        detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
        backup_time_max: BACKUP_TIME_MAX,
    }
}

/// The id of an RSMP site.
pub(crate) fn rsmp_id(controller: ControllerId) -> String {
    format!("RN+SI{:04}", u32::from(controller.0) + 1)
}

/// What was proved of an RSMP site at commissioning.
pub(crate) fn rsmp_binding(controller: ControllerId) -> Binding {
    Binding {
        request_lifetime: Some(RSMP_LIFETIME),
        max_presence: Some(RSMP_PRESENCE),
        ..Binding::new(&rsmp_id(controller))
    }
}

pub(crate) fn rsmp_settings(controller: ControllerId) -> rsmp::SiteSettings {
    rsmp::SiteSettings {
        site_id: rsmp_id(controller),
        cores: Core::ALL.to_vec(),
        supervisors: 1,
        timing: rsmp::Timing::default(),
        follows_clock: true,
        controller: rsmp::Settings {
            sxl: Sxl::V1_2_1,
            checksum: rsmp::Checksum::Model,
            codes: [SecurityCode("1111".into()), SecurityCode("2222".into())],
            lifetimes: Lifetimes::default(),
        },
    }
}

/// The rows of others: what a rail circuit or a push button calls.
pub(crate) fn foreign_rows(controller: &Controller) -> impl Iterator<Item = RowId> {
    let rows = (0..=u8::MAX).map(RowId).zip(&controller.rows);
    rows.filter(|(_, row)| {
        row.channel == Channel::Preempt && (row.owner == Owner::Other || row.kind == RowKind::Rail)
    })
    .map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use clearway_network::testing::corridor;

    use super::*;

    fn device(protocol: Protocol) -> Device {
        let network = corridor(2);
        Device::new(&network, &network.controllers[0], protocol, Millis::ZERO, 0)
    }

    #[test]
    fn s8_a_timer_that_another_centre_fed_runs_on_after_the_last_feed() {
        let mut device = device(Protocol::Ntcip);
        device.be_fed(Millis::from_s(12));
        (0..=300).for_each(|tick| device.feed(Millis(tick * 100)));
        device.mend();
        let backup = device.options.backup_time;
        assert!(device.is_fed(Millis::from_s(10) + backup));
        assert!(!device.is_fed(Millis::from_s(12) + backup));
    }

    #[test]
    fn s6_a_controller_that_shows_what_was_is_judged_by_it() {
        let mut device = device(Protocol::Modbus);
        device.station.advance(Millis::from_s(60));
        assert!(device.is_armable());
        device.lie = Lie::Stale(Box::new(device.station.clone()));
        device.station.emulator_mut().set_mode(Mode::Manual);
        assert!(device.is_armable());
        device.lie = Lie::None;
        assert!(!device.is_armable());
    }
}
