//! The conformance kit: a keeper and the exchange of a protocol against a scripted device, in
//! virtual time. Every protocol crate runs [`CHECKS`] in its tests.

mod checks;
pub mod corpus;
mod device;
#[cfg(all(feature = "actor", any(test, feature = "kit")))]
pub mod rig;
pub mod sources;
pub mod timed;

use clearway_certify::{Ask as Wish, Class, Draft, certify};
use clearway_signals::{
    Capabilities, Channel, ControllerId, Epoch, GroupId, GroupKind, GroupSet, Millis, Owner, Relation,
    RequestId, RequestRow, RowId, RowKind, SignalGroup,
};

pub use checks::CHECKS;
pub use device::{Device, Fault};

use crate::ask::{Answer, Ask, Now, Step};
use crate::keeper::Keeper;
use crate::pacing::Pace;
use crate::port::{Dispatch, PortEvent, Protocol};
use crate::site::Site;

/// The exchange of a protocol, over the objects or registers of a scripted device.
pub trait Face {
    /// Carry out an ask at the device, through everything that the protocol does to it.
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer;

    /// The tempo of the protocol.
    fn pace(&self) -> Pace {
        PACE
    }
}

/// Makes a face for a site.
pub type MakeFace<'a> = &'a dyn Fn(&Site) -> Box<dyn Face>;

/// Row 1 of the kit's site: an emergency row of ours.
pub const MAIN: RowId = RowId(1);
/// Row 2 of the kit's site: another one.
pub const CROSS: RowId = RowId(2);
/// Row 3 of the kit's site: a transit row of ours on the priority channel.
pub const TRANSIT: RowId = RowId(3);

/// A tempo that suits both protocols.
pub const PACE: Pace = Pace {
    status_idle: Millis(500),
    status_active: Millis(200),
    counts: Millis(1_000),
    failures_max: 3,
    answer_max: Millis(500),
    time_to_live: Millis(5_000),
};

/// A site with two vehicle groups and one pedestrian group; a rail row that is not ours, two
/// emergency rows and a transit row that are.
#[must_use]
pub fn site(protocol: Protocol) -> Site {
    let vehicle = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis::ZERO,
    };
    let walkers = SignalGroup {
        kind: GroupKind::Pedestrian,
        min_green: Millis(4_000),
        yellow: Millis::ZERO,
        clearance: Millis(8_000),
        red_yellow: Millis::ZERO,
    };
    let row = |number, kind, owner, channel, groups: &[u8]| RequestRow {
        number,
        kind,
        owner,
        channel,
        dwell: groups.iter().map(|group| GroupId(*group)).collect::<GroupSet>(),
        delay: Millis::ZERO,
        min_duration: Millis::ZERO,
        min_dwell: Millis(2_000),
        max_presence: Millis(120_000),
    };
    let (free, after) = (Relation::Compatible, |ms| Relation::Conflict(Millis(ms)));
    Site {
        controller: ControllerId(7),
        name: "kit".into(),
        protocol,
        address: "127.0.0.1:0".into(),
        groups: vec![vehicle, vehicle, walkers],
        group_numbers: vec![1, 2, 3],
        relations: vec![free, after(5_000), after(5_000), after(5_000), free, free, after(9_000), free, free],
        rows: vec![
            row(1, RowKind::Rail, Owner::Other, Channel::Preempt, &[1, 2]),
            row(3, RowKind::Emergency, Owner::Ours, Channel::Preempt, &[0]),
            row(4, RowKind::Emergency, Owner::Ours, Channel::Preempt, &[1, 2]),
            row(1, RowKind::Transit, Owner::Ours, Channel::Priority, &[0]),
        ],
        capabilities: Capabilities::PREEMPT
            .union(Capabilities::PRIORITY)
            .union(Capabilities::GROUP_STATES)
            .union(Capabilities::DETECTORS),
        detectors: vec![1, 2],
        backup_time_max: Millis::from_s(60),
    }
}

/// A certified command that asserts `row` from `now` until `until`.
///
/// # Panics
/// When the checker refuses it: the test is wrong then.
#[must_use]
pub fn assertion(
    site: &Site,
    row: RowId,
    request: u32,
    revision: u32,
    now: Millis,
    until: Millis,
) -> Dispatch {
    let data = &site.rows[row.index()];
    let class = if data.kind == RowKind::Emergency { Class::Emergency } else { Class::Tram };
    let wish = Wish {
        controller: site.controller,
        row,
        request: RequestId(request),
        wanted: data.dwell,
        assert_at: now,
        arrival: until,
        release_at: until,
    };
    let draft = Draft { class, asks: &[wish] };
    let plan = certify(&draft, Epoch(1), |_| Some(site.junction()), |_| None).expect("certified");
    let command = plan.assert(0, revision, now, until).expect("in time");
    Dispatch { command, fix_ns: Some(1) }
}

/// The command that releases `row`.
///
/// # Panics
/// When the row is not ours.
#[must_use]
pub fn release(site: &Site, row: RowId, request: u32, revision: u32, now: Millis) -> Dispatch {
    let junction = site.junction();
    let command = clearway_certify::release(&junction, row, RequestId(request), revision, Epoch(1), now);
    Dispatch { command: command.expect("ours"), fix_ns: Some(2) }
}

/// A keeper, its protocol, a device, and virtual time.
pub struct Bench {
    /// Under test.
    pub keeper: Keeper,
    /// The scripted device.
    pub device: Device,
    /// Virtual time.
    pub now: Millis,
    /// All events so far.
    pub events: Vec<(Millis, PortEvent)>,
    /// All asks so far.
    pub asks: Vec<(Millis, Ask)>,
    face: Box<dyn Face>,
    pending: Option<(Millis, Answer)>,
}

impl Bench {
    /// A device that is as the model says, and a keeper that has not yet spoken to it.
    #[must_use]
    pub fn new(site: &Site, make: MakeFace<'_>) -> Self {
        let face = make(site);
        Self {
            keeper: Keeper::new(site.clone(), face.pace()),
            device: Device::new(site.clone()),
            now: Millis::ZERO,
            events: Vec::new(),
            asks: Vec::new(),
            face,
            pending: None,
        }
    }

    /// Give the keeper a command now; the events tell what came of it.
    pub fn offer(&mut self, dispatch: &Dispatch) {
        // A refusal is in the events too.
        let _ = self.keeper.offer(instant(self.now), dispatch);
        self.collect();
    }

    /// Let time pass until `end`.
    ///
    /// # Panics
    /// When the keeper asks without end at one instant.
    pub fn run_until(&mut self, end: Millis) {
        let mut steps_at_once = 0;
        while self.now < end {
            let until = self.step();
            steps_at_once = if until > self.now { 0 } else { steps_at_once + 1 };
            assert!(steps_at_once < 10, "the keeper spins at {:?}", self.now);
            self.now = until.max(self.now).min(end);
            self.device.advance(self.now);
        }
    }

    /// One step; returns when the next one is due.
    fn step(&mut self) -> Millis {
        if let Some((at, answer)) = self.pending.take() {
            if self.now < at {
                self.pending = Some((at, answer));
                return at;
            }
            self.keeper.answer(instant(self.now), answer);
            self.collect();
            return self.now;
        }
        let step = self.keeper.next(instant(self.now));
        self.collect();
        match step {
            Step::Wait(until) => until,
            Step::Ask(ask) => {
                self.asks.push((self.now, ask));
                let (takes, answer) = self.perform(&ask);
                self.pending = Some((self.now + takes, answer));
                self.now + takes
            }
        }
    }

    fn perform(&mut self, ask: &Ask) -> (Millis, Answer) {
        const PROMPT: Millis = Millis(1);
        const TIMEOUT: Millis = Millis(150);
        let lost = || (TIMEOUT, Answer::Failed("timeout".into()));
        match (self.device.fault, ask) {
            (Fault::Silent, _) => lost(),
            (Fault::AnswersLost, Ask::Write(_)) => {
                self.face.exchange(ask, &mut self.device);
                lost()
            }
            (_, Ask::Connect) => {
                self.face.exchange(ask, &mut self.device);
                (PROMPT, Answer::Connected)
            }
            _ => (PROMPT, self.face.exchange(ask, &mut self.device)),
        }
    }

    fn collect(&mut self) {
        let now = self.now;
        self.events.extend(self.keeper.drain_events().map(|event| (now, event)));
    }

    /// When an event first was, if it was.
    #[must_use]
    pub fn when(&self, wanted: impl Fn(&PortEvent) -> bool) -> Option<Millis> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    /// How often an event was.
    #[must_use]
    pub fn count(&self, wanted: impl Fn(&PortEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| wanted(event)).count()
    }
}

/// The instant of a virtual time.
#[must_use]
pub fn instant(at: Millis) -> Now {
    Now { at, ns: u64::try_from(at.0).unwrap_or(0) * 1_000_000 }
}
