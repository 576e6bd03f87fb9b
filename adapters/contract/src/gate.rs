//! The arming gate: one table that decides whether a controller may be written to.
//!
//! The rows are those of the safety manual. Each protocol fills the same [`GateReading`]; there is
//! one judge. What a device does not say counts against it: a row that cannot be read fails.

use core::fmt;

use clearway_signals::limits::{ARMING_AGE_MAX, BACKUP_TIME_SITE_MAX, MAX_PRESENCE_MAX};
use clearway_signals::{
    Channel, ControllerId, GroupId, GroupKind, GroupSet, Junction, Millis, Mode, Relation, RequestRow, RowId,
    RowKind,
};

use crate::site::Site;

/// The wall clocks of the device and of us may differ by this much where times are sent.
const CLOCK_OFFSET_MAX: Millis = Millis(200);

/// The rows of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum GateRow {
    /// The device is the one that the model describes.
    Identity,
    /// The device is in a mode in which it serves remote requests.
    Mode,
    /// The device drops our calls by itself when we fall silent.
    DeadMan,
    /// Each own row gives up by itself, forgets, is enabled and asks what the model says.
    OwnRows,
    /// Entry into our rows cuts no interval of normal operation short.
    EntryIntervals,
    /// The groups that our rows turn green are those of the binding.
    Dwell,
    /// Every rail row ranks above every own row.
    Precedence,
    /// The device's clock is right, where times are sent.
    Clock,
}

impl GateRow {
    /// All rows, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Mode,
        Self::DeadMan,
        Self::OwnRows,
        Self::EntryIntervals,
        Self::Dwell,
        Self::Precedence,
        Self::Clock,
    ];

    /// What people call the row.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Mode => "mode",
            Self::DeadMan => "dead-man timer",
            Self::OwnRows => "request rows",
            Self::EntryIntervals => "entry intervals",
            Self::Dwell => "dwell groups",
            Self::Precedence => "precedence",
            Self::Clock => "clock",
        }
    }
}

/// A row of the gate that does not hold, and why, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GateFinding {
    /// The row.
    pub row: GateRow,
    /// What was found and what was expected.
    pub reason: String,
}

impl fmt::Display for GateFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row.word(), self.reason)
    }
}

/// Intervals that entry into a preemption could cut short; the longest of each over the phases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intervals {
    /// Minimum green of vehicle, tram and bicycle groups.
    pub min_green: Millis,
    /// Minimum walk.
    pub walk: Millis,
    /// Pedestrian clearance.
    pub clearance: Millis,
    /// Yellow.
    pub yellow: Millis,
    /// Red clearance.
    pub red: Millis,
}

impl Intervals {
    /// What the model's groups need. The model knows intergreens of pairs, not red times of phases: of
    /// red clearance it demands what every conflicting group waits at least after a yellow.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        let mut needed = Self::default();
        let junction = site.junction();
        for (id, group) in (0..=u8::MAX).map(GroupId).zip(&site.groups) {
            if group.kind == GroupKind::Pedestrian {
                needed.walk = needed.walk.max(group.min_green);
                needed.clearance = needed.clearance.max(group.clearance);
            } else {
                needed.min_green = needed.min_green.max(group.min_green);
                needed.yellow = needed.yellow.max(group.yellow);
                needed.red = needed.red.max(least_intergreen(&junction, id) - group.yellow);
            }
        }
        needed
    }

    /// The longer of each.
    #[must_use]
    pub fn longest(self, other: Self) -> Self {
        Self {
            min_green: self.min_green.max(other.min_green),
            walk: self.walk.max(other.walk),
            clearance: self.clearance.max(other.clearance),
            yellow: self.yellow.max(other.yellow),
            red: self.red.max(other.red),
        }
    }

    fn named(self) -> [(&'static str, Millis); 5] {
        [
            ("minimum green", self.min_green),
            ("walk", self.walk),
            ("pedestrian clearance", self.clearance),
            ("yellow", self.yellow),
            ("red clearance", self.red),
        ]
    }
}

/// The shortest intergreen from a group to any that conflicts with it; zero where none does.
fn least_intergreen(junction: &Junction<'_>, ending: GroupId) -> Millis {
    let starting = (0..=u8::MAX).map(GroupId).take(junction.groups.len());
    let waits = starting.filter_map(|starting| match junction.relation(ending, starting) {
        Relation::Conflict(intergreen) if starting != ending => Some(intergreen),
        _ => None,
    });
    waits.min().unwrap_or_default()
}

/// How entry into a row treats the intervals of normal operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// The device's own times for entry; the lesser of these and the phase's own counts, so that
    /// nothing is proved unless the phases' own are known too.
    Times(Intervals),
    /// The device states whether it keeps every interval.
    Keeps(bool),
    /// The device does not say.
    Unknown,
}

/// One row of the site as the device has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowReading {
    /// The device has such a row.
    pub present: bool,
    /// Its purpose, where the device knows purposes.
    pub kind: Option<RowKind>,
    /// A call that goes off before it is served is forgotten.
    pub non_locking: bool,
    /// The row is served at all.
    pub enabled: bool,
    /// The row may be called by remote request.
    pub remote: bool,
    /// The row dwells in flash.
    pub flash_dwell: bool,
    /// The row overrides rows of higher number (NTCIP: bit 2 of its control is off).
    pub overrides: bool,
    /// A linked row follows it; 0 for none.
    pub link: u8,
    /// From the call to the start of entry.
    pub delay: Millis,
    /// The call counts at least this long.
    pub min_duration: Millis,
    /// Dwell lasts at least this long.
    pub min_dwell: Millis,
    /// A call older than this is invalid; zero: no limit.
    pub max_presence: Millis,
    /// The groups that are green in dwell.
    pub dwell: GroupSet,
    /// Outputs that turn green too and that the model does not know (overlaps, track phases).
    pub unknown_outputs: u8,
    /// What entry does to the intervals.
    pub entry: Entry,
}

impl RowReading {
    /// A row that the device does not have.
    pub const ABSENT: Self = Self {
        present: false,
        kind: None,
        non_locking: false,
        enabled: false,
        remote: false,
        flash_dwell: false,
        overrides: false,
        link: 0,
        delay: Millis::ZERO,
        min_duration: Millis::ZERO,
        min_dwell: Millis::ZERO,
        max_presence: Millis::ZERO,
        dwell: GroupSet::EMPTY,
        unknown_outputs: 0,
        entry: Entry::Unknown,
    };
}

/// What the gate judges, in words that belong to no protocol.
#[derive(Clone, PartialEq, Debug)]
pub struct GateReading {
    /// What the device says it is, for people.
    pub device: String,
    /// The device speaks the protocol and version that the binding was made for.
    pub protocol_fits: bool,
    /// The configuration hash that the device repeats.
    pub configuration_hash: Option<u32>,
    /// The operating mode.
    pub mode: Mode,
    /// Remote commands are not switched off at the device.
    pub remote_enabled: bool,
    /// The dead-man timer; `None` where it cannot be read, zero where it is off.
    pub dead_man: Option<Millis>,
    /// The timer watches our calls.
    pub dead_man_watches_calls: bool,
    /// The longest intervals of the device's own phases; `None` where not all of them can be read.
    pub phases: Option<Intervals>,
    /// The rows of the site, by `RowId`.
    pub rows: Vec<RowReading>,
    /// Offset of the device's wall clock, where times are sent.
    pub clock_offset: Option<Millis>,
    /// What the adapter has found itself, in its protocol's own words: objects that the device does
    /// not serve, differences from what was commissioned. Any one keeps it unarmed.
    pub found: Vec<GateFinding>,
}

impl GateReading {
    /// Whether the adapter has said already why a row of the table does not hold.
    fn tells(&self, row: GateRow) -> bool {
        self.found.iter().any(|finding| finding.row == row)
    }
}

/// The right to call rows of one controller over one connection. Only [`judge`] makes one.
#[derive(PartialEq, Eq, Debug)]
pub struct ArmedController {
    controller: ControllerId,
    connection: u64,
    at: Millis,
    dead_man: Millis,
}

impl ArmedController {
    /// Whose calls it allows.
    #[must_use]
    pub fn controller(&self) -> ControllerId {
        self.controller
    }

    /// When the gate was passed.
    #[must_use]
    pub fn at(&self) -> Millis {
        self.at
    }

    /// The device's dead-man timer.
    #[must_use]
    pub fn dead_man(&self) -> Millis {
        self.dead_man
    }

    /// Whether it still counts: the same connection, no older than a day (S6).
    #[must_use]
    pub fn is_valid(&self, connection: u64, now: Millis) -> bool {
        self.connection == connection && now.since(self.at) < ARMING_AGE_MAX
    }
}

/// Judge a reading that was taken over `connection`.
///
/// # Errors
/// Every finding, in the order of the table; nothing may be called then.
pub fn judge(
    site: &Site,
    reading: &GateReading,
    connection: u64,
    now: Millis,
) -> Result<ArmedController, Vec<GateFinding>> {
    let mut findings = reading.found.clone();
    let mut found = |row: GateRow, reason: String| findings.push(GateFinding { row, reason });
    judge_identity(site, reading, &mut found);
    judge_mode(reading, &mut found);
    judge_dead_man(site, reading, &mut found);
    judge_rows(site, reading, &mut found);
    judge_precedence(site, reading, &mut found);
    if let Some(offset) = reading.clock_offset.filter(|o| Millis(o.0.saturating_abs()) > CLOCK_OFFSET_MAX) {
        found(GateRow::Clock, format!("the device's clock is off by {} ms", offset.0));
    }
    findings.sort_by_key(|finding| finding.row);
    if findings.is_empty() {
        let dead_man = reading.dead_man.unwrap_or_default();
        Ok(ArmedController { controller: site.controller, connection, at: now, dead_man })
    } else {
        Err(findings)
    }
}

fn judge_identity(site: &Site, reading: &GateReading, found: &mut impl FnMut(GateRow, String)) {
    if !reading.protocol_fits {
        found(
            GateRow::Identity,
            format!("{} does not speak this binding's protocol version", reading.device),
        );
    }
    let expected = site.junction().configuration_hash();
    match reading.configuration_hash {
        Some(hash) if hash == expected => {}
        Some(hash) => found(
            GateRow::Identity,
            format!("configuration {hash:08x} at the device, {expected:08x} in the model"),
        ),
        None if reading.tells(GateRow::Identity) => {}
        None => found(GateRow::Identity, "the device does not name its configuration".into()),
    }
}

fn judge_mode(reading: &GateReading, found: &mut impl FnMut(GateRow, String)) {
    if !serves_requests(reading.mode) {
        found(GateRow::Mode, format!("the controller is in mode {:?}", reading.mode));
    }
    if !reading.remote_enabled {
        found(GateRow::Mode, "remote commands are switched off at the controller".into());
    }
}

/// Whether a controller in this mode serves remote requests.
#[must_use]
pub fn serves_requests(mode: Mode) -> bool {
    // Backup is what a controller shows that no central system has spoken to: the first write
    // ends it.
    matches!(mode, Mode::Normal | Mode::Backup)
}

fn judge_dead_man(site: &Site, reading: &GateReading, found: &mut impl FnMut(GateRow, String)) {
    let longest = site.backup_time_max.min(BACKUP_TIME_SITE_MAX);
    match reading.dead_man {
        None if reading.tells(GateRow::DeadMan) => {}
        None => found(GateRow::DeadMan, "the dead-man timer cannot be read".into()),
        Some(timer) if timer <= Millis::ZERO => found(GateRow::DeadMan, "the dead-man timer is off".into()),
        Some(timer) if timer > longest => found(
            GateRow::DeadMan,
            format!("the dead-man timer is {} s, {} s at most are accepted", timer.as_s(), longest.as_s()),
        ),
        Some(_) if !reading.dead_man_watches_calls => {
            found(GateRow::DeadMan, "the dead-man timer does not watch our calls".into());
        }
        Some(_) => {}
    }
}

fn judge_rows(site: &Site, reading: &GateReading, found: &mut impl FnMut(GateRow, String)) {
    let own = site.own_rows();
    if own.is_empty() {
        found(GateRow::OwnRows, "the model binds no row of this controller to us".into());
    }
    let phases = reading.phases.map(|own| Intervals::of_site(site).longest(own));
    for id in own.iter() {
        let Some(row) = site.rows.get(id.index()) else { continue };
        let Some(device) = reading.rows.get(id.index()).filter(|device| device.present) else {
            found(GateRow::OwnRows, format!("row {} cannot be read", row.number));
            continue;
        };
        judge_own_row(row, device, found);
        judge_entry(row, device, phases, found);
        judge_dwell(row, device, found);
    }
}

fn judge_dwell(row: &RequestRow, device: &RowReading, found: &mut impl FnMut(GateRow, String)) {
    let number = row.number;
    if device.dwell != row.dwell {
        let (is, expected) = (device.dwell.0, row.dwell.0);
        let reason = format!("row {number} turns groups {is:#x} green, {expected:#x} in the model");
        found(GateRow::Dwell, reason);
    }
    if device.unknown_outputs != 0 {
        let count = device.unknown_outputs;
        found(
            GateRow::Dwell,
            format!("row {number} turns {count} outputs green that the model does not know"),
        );
    }
}

fn judge_own_row(row: &RequestRow, device: &RowReading, found: &mut impl FnMut(GateRow, String)) {
    let number = row.number;
    let mut claim = |holds: bool, reason: String| {
        if !holds {
            found(GateRow::OwnRows, format!("row {number} {reason}"));
        }
    };
    // A priority request has no call that could stay behind: it lives by its time to live alone.
    if row.channel == Channel::Preempt {
        let presence = device.max_presence;
        let presence_s = presence.as_s();
        claim(presence > Millis::ZERO, "has no maximum presence".into());
        claim(presence <= MAX_PRESENCE_MAX, format!("has a maximum presence of {presence_s} s"));
        let long_enough = presence <= Millis::ZERO || presence >= row.max_presence;
        claim(long_enough, format!("gives up after {presence_s} s already"));
        claim(device.non_locking, "locks its calls".into());
    }
    claim(device.enabled, "is not enabled".into());
    claim(device.remote, "may not be called by remote request".into());
    claim(!device.flash_dwell, "dwells in flash".into());
    claim(device.link == 0, format!("links to row {}", device.link));
    claim(device.delay == whole_s(row.delay), format!("has a delay of {} s", device.delay.as_s()));
    let minimum =
        device.min_duration <= whole_s(row.min_duration) && device.min_dwell <= whole_s(row.min_dwell);
    claim(minimum, "holds longer than the model says".into());
    claim(device.kind.is_none_or(|kind| kind == row.kind), format!("is for {:?}", device.kind));
}

/// Devices hold these times in whole seconds, rounded up.
fn whole_s(time: Millis) -> Millis {
    Millis::from_s((time + Millis(999)).0 / 1000)
}

fn judge_entry(
    row: &RequestRow,
    device: &RowReading,
    phases: Option<Intervals>,
    found: &mut impl FnMut(GateRow, String),
) {
    let number = row.number;
    match device.entry {
        Entry::Keeps(true) => {}
        Entry::Keeps(false) => {
            found(GateRow::EntryIntervals, format!("row {number} cuts intervals short"));
        }
        Entry::Unknown => {
            found(GateRow::EntryIntervals, format!("row {number} does not say how it enters"));
        }
        Entry::Times(times) => {
            let Some(needed) = phases else {
                let reason = format!("row {number} cannot be held against the device's own phases");
                return found(GateRow::EntryIntervals, reason);
            };
            for ((name, entry), (_, needed)) in times.named().into_iter().zip(needed.named()) {
                if entry < needed {
                    let (entry, needed) = (entry.as_s(), needed.as_s());
                    let reason = format!("row {number} cuts {name} to {entry} s, {needed} s are needed");
                    found(GateRow::EntryIntervals, reason);
                }
            }
        }
    }
}

fn judge_precedence(site: &Site, reading: &GateReading, found: &mut impl FnMut(GateRow, String)) {
    let rows = || (0..=u8::MAX).map(RowId).zip(&site.rows);
    for (_, own) in rows().filter(|(id, _)| site.own_rows().contains(*id)) {
        for (rail_id, rail) in rows().filter(|(_, row)| row.kind == RowKind::Rail) {
            if rail.channel != own.channel {
                continue;
            }
            let ranks_above = rail.number < own.number;
            let overrides = reading.rows.get(rail_id.index()).is_some_and(|device| device.overrides);
            if !(ranks_above && overrides) {
                let reason = format!("rail row {} does not override our row {}", rail.number, own.number);
                found(GateRow::Precedence, reason);
            }
        }
    }
}

#[cfg(test)]
mod tests;
