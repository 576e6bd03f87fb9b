//! Remote I/O and other maps: a device whose points a profile names. No I/O here.
//!
//! Such a device has no sequence, no checksum, no time to live and no configuration of its own.
//! What stands in for them: every write is read back, the device's own communication watchdog is a
//! condition of arming, and the site says which configuration its wiring was commissioned for.

mod blocks;
pub mod profile;

use clearway_contract::{Answer, Ask, Entry, GateReading, RowReading, Site, StatusReading, Write};
use clearway_signals::{
    Channel, ControllerStatus, GroupId, GroupSet, Millis, Mode, PreemptState, RequestRow, RowId, RowSet,
};

use self::blocks::Blocks;
use self::profile::{Call, ModeSignals, Place, Profile, RowPoints, Signal};
use crate::exchange::Request;

/// The exchange with one device over one connection.
#[derive(Clone, Debug)]
pub struct PointExchange {
    site: Site,
    profile: Profile,
    /// The fingerprint of the model that the wiring was commissioned for.
    commissioned: Option<u32>,
    gate: Blocks,
    status: Blocks,
    counts: Blocks,
    /// Rows that the last reading showed called.
    on: RowSet,
    heartbeat: u16,
    /// The counts of the reading before.
    counted: Option<Vec<u16>>,
}

impl PointExchange {
    /// For a site. `commissioned` is the configuration hash that the wiring was proved for; without
    /// it, or when the model has changed since, the controller does not arm.
    #[must_use]
    pub fn new(site: Site, profile: Profile, commissioned: Option<u32>) -> Self {
        let mode = &profile.mode;
        let modes = || [Some(mode.normal), mode.flash, mode.manual].into_iter().flatten().map(|s| s.at);
        let watchdog = &profile.watchdog;
        let expected = profile.identity.iter().chain(&watchdog.require).map(|expectation| expectation.at);
        let gate = Blocks::of(expected.chain([watchdog.timeout.at]).chain(modes()));
        // The module may be smaller than the profile: only what the site has is read.
        let bound = site.rows.iter().filter_map(|row| profile.row(row.channel, row.number));
        let rows = bound.flat_map(|row| {
            [row.call.map(|call| call.at()), row.confirm.map(|confirm| confirm.at)].into_iter().flatten()
        });
        let shown = profile.groups.iter().filter(|group| site.group_numbers.contains(&group.number));
        let lamps = shown.flat_map(|group| {
            [Some(group.green), group.yellow, group.clearance].into_iter().flatten().map(|signal| signal.at)
        });
        let status = Blocks::of(modes().chain(rows).chain(lamps));
        let known = profile.detectors.iter().filter(|detector| site.detectors.contains(&detector.number));
        let counts = Blocks::of(known.flat_map(|detector| {
            [Some(detector.occupied), detector.count].into_iter().flatten().map(|signal| signal.at)
        }));
        Self {
            site,
            commissioned,
            gate,
            status,
            counts,
            profile,
            on: RowSet::EMPTY,
            heartbeat: 0,
            counted: None,
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The requests for an ask, in order.
    pub fn requests(&mut self, ask: &Ask) -> Vec<Request> {
        match ask {
            Ask::Connect => {
                (self.on, self.counted) = (RowSet::EMPTY, None);
                Vec::new()
            }
            Ask::Gate => self.gate.requests(),
            Ask::Status => self.status.requests(),
            Ask::Counts => self.counts.requests(),
            Ask::Write(write) => self.writes(write),
        }
    }

    /// The answer to an ask that reads, from the values that came, request by request.
    pub fn answer(&mut self, ask: &Ask, values: &[Vec<u16>]) -> Answer {
        let blocks = match ask {
            Ask::Gate => &self.gate,
            Ask::Status => &self.status,
            Ask::Counts => &self.counts,
            Ask::Connect | Ask::Write(_) => return Answer::Connected,
        };
        if !blocks.fit(values) {
            return Answer::Failed("an answer of another length".into());
        }
        match ask {
            Ask::Gate => Answer::Gate(Box::new(self.gate(values))),
            Ask::Counts => self.counts(values),
            _ => Answer::Status(self.status(values)),
        }
    }

    /// What is not wanted goes off before what is wanted goes on: never two rows at once.
    fn writes(&mut self, write: &Write) -> Vec<Request> {
        let called = write.call().map(|call| call.row);
        let mut requests = Vec::with_capacity(3);
        if let Some(register) = self.profile.heartbeat {
            self.heartbeat = self.heartbeat.wrapping_add(1);
            requests.push(Request::WriteRegister(register, self.heartbeat));
        }
        let own = self.site.own_rows();
        let off = own
            .iter()
            .filter(|row| (self.on.contains(*row) || write.clear().contains(*row)) && Some(*row) != called);
        requests.extend(off.filter_map(|row| Some(call_request(self.call_of(row)?, false))));
        let on = called.filter(|row| own.contains(*row)).and_then(|row| self.call_of(row));
        requests.extend(on.map(|call| call_request(call, true)));
        requests
    }

    fn points_of(&self, row: &RequestRow) -> Option<&RowPoints> {
        self.profile.row(row.channel, row.number)
    }

    fn call_of(&self, row: RowId) -> Option<Call> {
        self.points_of(self.site.rows.get(row.index())?)?.call
    }

    fn numbered(&self) -> impl Iterator<Item = (RowId, &RequestRow)> {
        (0..=u8::MAX).map(RowId).zip(&self.site.rows)
    }

    fn gate(&self, values: &[Vec<u16>]) -> GateReading {
        let value = |at: Place| self.gate.value(values, at);
        let holds = |expected: &[profile::Expectation]| expected.iter().all(|e| value(e.at) == e.equals);
        let known = holds(&self.profile.identity);
        let watchdog = &self.profile.watchdog;
        let timer = i64::from(value(watchdog.timeout.at)) * i64::from(watchdog.unit_ms);
        GateReading {
            device: self.profile.name.clone(),
            protocol_fits: known,
            configuration_hash: self.commissioned.filter(|_| known),
            mode: self.mode(value),
            remote_enabled: true,
            dead_man: Some(Millis(timer)),
            dead_man_watches_calls: holds(&watchdog.require),
            phases: None,
            rows: self.site.rows.iter().map(|row| self.row(row)).collect(),
            clock_offset: None,
            found: Vec::new(),
        }
    }

    /// A contact has no data of its own: the row is as the model states it, if it is wired.
    fn row(&self, row: &RequestRow) -> RowReading {
        let wired = self.points_of(row).is_some_and(|points| points.call.is_some());
        let whole_s = |time: Millis| Millis::from_s((time + Millis(999)).0 / 1000);
        RowReading {
            present: wired,
            kind: Some(row.kind),
            non_locking: true,
            enabled: true,
            remote: wired,
            flash_dwell: false,
            overrides: true,
            link: 0,
            delay: whole_s(row.delay),
            min_duration: row.min_duration,
            min_dwell: row.min_dwell,
            max_presence: row.max_presence,
            dwell: row.dwell,
            unknown_outputs: 0,
            entry: Entry::Keeps(true),
        }
    }

    fn mode(&self, value: impl Fn(Place) -> u16) -> Mode {
        let on = |signal: Option<Signal>| signal.is_some_and(|signal| signal.is_on(value(signal.at)));
        let ModeSignals { normal, flash, manual } = &self.profile.mode;
        if on(*flash) {
            Mode::Flash
        } else if on(*manual) {
            Mode::Manual
        } else if on(Some(*normal)) {
            Mode::Normal
        } else {
            Mode::Fault
        }
    }

    fn status(&mut self, values: &[Vec<u16>]) -> StatusReading {
        let value = |at: Place| self.status.value(values, at);
        let on = |signal: Option<Signal>| signal.is_some_and(|signal| signal.is_on(value(signal.at)));
        let rows = |shown: &dyn Fn(&RowPoints) -> bool| {
            self.numbered()
                .filter(|(_, row)| self.points_of(row).is_some_and(shown))
                .fold(RowSet::EMPTY, |set, (id, _)| set.with(id))
        };
        let calls = rows(&|row| row.call.is_some_and(|call| call.is_on(value(call.at()))));
        let served = rows(&|row| on(row.confirm));
        let preempts = |set: RowSet| {
            set.iter()
                .find(|row| self.site.rows.get(row.index()).is_some_and(|r| r.channel == Channel::Preempt))
        };
        let confirmed = preempts(served);
        let preempt = match (confirmed, preempts(calls)) {
            (Some(_), _) => PreemptState::Dwell,
            (None, Some(_)) => PreemptState::NotActiveWithCall,
            (None, None) => PreemptState::NotActive,
        };
        let lamps = |of: &dyn Fn(&profile::GroupPoints) -> Option<Signal>| -> GroupSet {
            let numbers = || (0..=u8::MAX).map(GroupId).zip(&self.site.group_numbers);
            let lit = self.profile.groups.iter().filter(|group| on(of(group)));
            lit.flat_map(|lit| numbers().filter(|(_, n)| **n == lit.number).map(|(group, _)| group)).collect()
        };
        let status = ControllerStatus {
            mode: self.mode(value),
            greens: lamps(&|group| Some(group.green)),
            yellows: lamps(&|group| group.yellow),
            clearing: lamps(&|group| group.clearance),
            // A confirmed priority input is no preemption: it shows as the served row alone.
            active: confirmed.or_else(|| served.iter().next()),
            preempt,
            ..ControllerStatus::default()
        };
        self.on = calls;
        // What was read back is the point itself: there is no older state that it could show.
        StatusReading { status, calls, outlived: RowSet::EMPTY, ended: None, current: true, uptime: None }
    }

    fn counts(&mut self, values: &[Vec<u16>]) -> Answer {
        let points = |number: &u8| self.profile.detectors.iter().find(|d| d.number == *number);
        let value = |signal: Signal| self.counts.value(values, signal.at);
        let total = |number: &u8| points(number).and_then(|d| d.count).map_or(0, value);
        let occupied = |number: &u8| points(number).is_some_and(|d| d.occupied.is_on(value(d.occupied)));
        let totals: Vec<u16> = self.site.detectors.iter().map(total).collect();
        let occupied = self.site.detectors.iter().map(occupied).collect();
        let before = self.counted.replace(totals.clone()).unwrap_or_else(|| totals.clone());
        let vehicles = totals.iter().zip(&before).map(|(now, before)| now.wrapping_sub(*before)).collect();
        Answer::Counts(vehicles, occupied)
    }
}

fn call_request(call: Call, wanted: bool) -> Request {
    match call {
        Call::Coil(address) => Request::WriteCoil(address, wanted),
        Call::Register { address, on, off } => Request::WriteRegister(address, if wanted { on } else { off }),
    }
}

#[cfg(test)]
mod tests;
