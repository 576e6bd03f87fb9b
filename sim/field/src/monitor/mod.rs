//! The conflict monitor: an independent judge of what a controller displays.
//!
//! It shares no code and no type with the emulator or with the engine's vocabulary: plain integers, its
//! own tables filled by the caller from the model, its own aspect codes. It sees the display once a tick
//! and counts violations of the invariants S1 to S4 and S9 of the safety document. Red clearance (the
//! second half of S2) is held through S3: every intergreen holds it.

#[cfg(test)]
mod tests;

/// The aspect codes of [`Monitor::observe`].
pub mod code {
    /// Red.
    pub const RED: u8 = 0;
    /// Red with yellow, before green.
    pub const RED_YELLOW: u8 = 1;
    /// Green; walk for pedestrians.
    pub const GREEN: u8 = 2;
    /// Yellow after green.
    pub const YELLOW: u8 = 3;
    /// Pedestrian clearance.
    pub const CLEARANCE: u8 = 4;
    /// Flashing.
    pub const FLASH: u8 = 5;
    /// No light.
    pub const DARK: u8 = 6;
}

/// Violations that are kept in full; beyond this they are only counted.
pub const VIOLATIONS_MAX: usize = 256;
/// Groups of one controller.
pub const GROUPS_MAX: usize = 64;
/// A conflict that lasts this long latches, as a malfunction management unit does.
pub const LATCH_MS: i64 = 300;

/// What the display is held against. Indices are the caller's group and row numbers from 0; groups and
/// rows beyond a table are not watched.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Minimum green (walk) of each group.
    pub min_green_ms: Vec<i64>,
    /// Minimum yellow, for pedestrians the whole clearance, of each group; zero: none is shown.
    pub ending_ms: Vec<i64>,
    /// Whether a group stands for pedestrians.
    pub pedestrian: Vec<bool>,
    /// `intergreen_ms[ending * n + starting]`: end of green to start of green; `None`: no conflict.
    pub intergreen_ms: Vec<Option<i64>>,
    /// The longest time that each row may be active; zero: no limit.
    pub max_presence_ms: Vec<i64>,
}

/// Which rule was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// S1: two conflicting groups green, yellow or in clearance at once.
    Conflict,
    /// S2: a yellow that was too short or left out.
    ShortYellow,
    /// S3: a green that started before the intergreen was over.
    ShortIntergreen,
    /// S4: a green (walk) that was too short.
    ShortGreen,
    /// S4: a pedestrian clearance that was cut or left out.
    ClearanceCut,
    /// S9: a row active beyond its maximum presence.
    LongPresence,
}

/// One violation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation {
    /// When it was seen.
    pub at_ms: i64,
    /// Which rule.
    pub kind: Kind,
    /// The group (for S9 the row) that broke it.
    pub first: usize,
    /// The other group, for S1 and S3.
    pub second: Option<usize>,
    /// What was measured.
    pub measured_ms: i64,
    /// What was required.
    pub required_ms: i64,
}

/// Counts of violations by rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// S1.
    pub conflicts: u64,
    /// S2.
    pub short_yellows: u64,
    /// S3.
    pub short_intergreens: u64,
    /// S4, green and walk.
    pub short_greens: u64,
    /// S4, pedestrian clearance.
    pub clearances_cut: u64,
    /// S9.
    pub long_presences: u64,
    /// Whether a conflict lasted 300 ms; stays until the monitor is made anew.
    pub latched: bool,
}

impl Totals {
    /// Every violation, clearances cut included.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.conflicts
            + self.short_yellows
            + self.short_intergreens
            + self.short_greens
            + self.clearances_cut
            + self.long_presences
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            conflicts: self.conflicts + other.conflicts,
            short_yellows: self.short_yellows + other.short_yellows,
            short_intergreens: self.short_intergreens + other.short_intergreens,
            short_greens: self.short_greens + other.short_greens,
            clearances_cut: self.clearances_cut + other.clearances_cut,
            long_presences: self.long_presences + other.long_presences,
            latched: self.latched || other.latched,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    aspect: u8,
    /// Start of the aspect; `None` when it began before the monitor first looked.
    since_ms: Option<i64>,
    green_ended_ms: Option<i64>,
}

/// The monitor of one controller.
#[derive(Clone, Debug)]
pub struct Monitor {
    tables: Tables,
    conflicts: Vec<u64>,
    seen: Vec<Seen>,
    last_ms: Option<i64>,
    /// Conflicting partners of each group that are already counted.
    counted: Vec<u64>,
    conflict_since_ms: Option<i64>,
    row: Option<(usize, i64, bool)>,
    totals: Totals,
    violations: Vec<Violation>,
}

impl Monitor {
    /// A monitor over the tables; groups are as many as `min_green_ms` has, 64 at most.
    #[must_use]
    pub fn new(tables: Tables) -> Self {
        let n = tables.min_green_ms.len();
        let watched = n.min(GROUPS_MAX);
        let pair = |a: usize, b: usize| tables.intergreen_ms.get(a * n + b).copied().flatten().is_some();
        let conflicts = (0..watched)
            .map(|a| {
                (0..watched).filter(|b| a != *b && (pair(a, *b) || pair(*b, a))).fold(0, |m, b| m | 1 << b)
            })
            .collect();
        let seen = Seen { aspect: code::RED, since_ms: None, green_ended_ms: None };
        Self {
            conflicts,
            seen: vec![seen; watched],
            counted: vec![0; watched],
            tables,
            last_ms: None,
            conflict_since_ms: None,
            row: None,
            totals: Totals::default(),
            violations: Vec::new(),
        }
    }

    /// Look at the display: one code for each group, and the row that is in entry or dwell.
    /// Observations that are not later than the last one are ignored.
    pub fn observe(&mut self, now_ms: i64, displayed: &[u8], active_row: Option<u8>) {
        if self.last_ms.is_some_and(|last| now_ms <= last) {
            return;
        }
        let first_look = self.last_ms.is_none();
        self.last_ms = Some(now_ms);
        for group in 0..self.seen.len() {
            let aspect = displayed.get(group).copied().unwrap_or(code::DARK);
            if first_look {
                self.seen[group].aspect = aspect;
            } else if aspect != self.seen[group].aspect {
                self.change(group, aspect, now_ms);
            }
        }
        self.check_conflicts(now_ms);
        self.check_presence(now_ms, active_row.map(usize::from));
    }

    /// The counts so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The first violations, oldest first, [`VIOLATIONS_MAX`] at most.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn change(&mut self, group: usize, aspect: u8, now_ms: i64) {
        let before = self.seen[group];
        let lasted = before.since_ms.map(|since| now_ms - since);
        match before.aspect {
            code::GREEN => self.check_green_end(group, aspect, lasted, now_ms),
            code::YELLOW | code::CLEARANCE => self.check_ending(group, lasted, now_ms),
            _ => {}
        }
        if aspect == code::GREEN {
            self.check_green_start(group, now_ms);
        }
        let ended = if before.aspect == code::GREEN { Some(now_ms) } else { before.green_ended_ms };
        self.seen[group] = Seen { aspect, since_ms: Some(now_ms), green_ended_ms: ended };
    }

    /// S4, and S2 when the ending is left out altogether.
    fn check_green_end(&mut self, group: usize, aspect: u8, lasted: Option<i64>, now_ms: i64) {
        let required = self.tables.min_green_ms[group];
        if let Some(measured) = lasted.filter(|lasted| *lasted < required) {
            self.record(now_ms, Kind::ShortGreen, group, None, measured, required);
        }
        let ending = self.ending(group);
        let expected = if self.is_pedestrian(group) { code::CLEARANCE } else { code::YELLOW };
        if ending > 0 && aspect != expected {
            self.record(now_ms, self.ending_kind(group), group, None, 0, ending);
        }
    }

    /// S2 and S4: the yellow or clearance that ends now.
    fn check_ending(&mut self, group: usize, lasted: Option<i64>, now_ms: i64) {
        let required = self.ending(group);
        if let Some(measured) = lasted.filter(|lasted| *lasted < required) {
            self.record(now_ms, self.ending_kind(group), group, None, measured, required);
        }
    }

    /// S3: every group that ended before keeps its intergreen to this one.
    fn check_green_start(&mut self, starting: usize, now_ms: i64) {
        let n = self.tables.min_green_ms.len();
        for ending in 0..self.seen.len() {
            let pair = self.tables.intergreen_ms.get(ending * n + starting).copied().flatten();
            let ended = self.seen[ending].green_ended_ms;
            let (Some(required), Some(ended)) = (pair, ended) else { continue };
            if ending == starting || self.seen[ending].aspect == code::GREEN {
                continue;
            }
            let measured = now_ms - ended;
            if measured < required {
                self.record(now_ms, Kind::ShortIntergreen, ending, Some(starting), measured, required);
            }
        }
    }

    /// S1: each pair once for each time that it occurs; and the latch.
    fn check_conflicts(&mut self, now_ms: i64) {
        let moving = |seen: &Seen| matches!(seen.aspect, code::GREEN | code::YELLOW | code::CLEARANCE);
        let shown: u64 = (0..self.seen.len()).filter(|g| moving(&self.seen[*g])).fold(0, |m, g| m | 1 << g);
        let mut any = false;
        for group in 0..self.seen.len() {
            let against = if shown & (1 << group) == 0 { 0 } else { self.conflicts[group] & shown };
            any |= against != 0;
            let new = against & !self.counted[group];
            self.counted[group] = against;
            for other in (group + 1..self.seen.len()).filter(|other| new & (1 << other) != 0) {
                self.record(now_ms, Kind::Conflict, group, Some(other), 0, 0);
            }
        }
        if !any {
            self.conflict_since_ms = None;
            return;
        }
        let since = *self.conflict_since_ms.get_or_insert(now_ms);
        self.totals.latched |= now_ms - since >= LATCH_MS;
    }

    /// S9: once for each time that a row stays too long.
    fn check_presence(&mut self, now_ms: i64, active: Option<usize>) {
        let Some(row) = active else {
            self.row = None;
            return;
        };
        let (since, counted) = match self.row {
            Some((same, since, counted)) if same == row => (since, counted),
            _ => (now_ms, false),
        };
        let limit = self.tables.max_presence_ms.get(row).copied().unwrap_or(0);
        let over = limit > 0 && now_ms - since > limit;
        if over && !counted {
            self.record(now_ms, Kind::LongPresence, row, None, now_ms - since, limit);
        }
        self.row = Some((row, since, counted || over));
    }

    fn ending(&self, group: usize) -> i64 {
        self.tables.ending_ms.get(group).copied().unwrap_or(0)
    }

    fn is_pedestrian(&self, group: usize) -> bool {
        self.tables.pedestrian.get(group).copied().unwrap_or(false)
    }

    fn ending_kind(&self, group: usize) -> Kind {
        if self.is_pedestrian(group) { Kind::ClearanceCut } else { Kind::ShortYellow }
    }

    fn record(
        &mut self,
        at_ms: i64,
        kind: Kind,
        first: usize,
        second: Option<usize>,
        measured_ms: i64,
        required_ms: i64,
    ) {
        let count = match kind {
            Kind::Conflict => &mut self.totals.conflicts,
            Kind::ShortYellow => &mut self.totals.short_yellows,
            Kind::ShortIntergreen => &mut self.totals.short_intergreens,
            Kind::ShortGreen => &mut self.totals.short_greens,
            Kind::ClearanceCut => &mut self.totals.clearances_cut,
            Kind::LongPresence => &mut self.totals.long_presences,
        };
        *count += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { at_ms, kind, first, second, measured_ms, required_ms });
        }
    }
}
