//! An independent judge of what is asked of one controller: a controller that answers the calls in every
//! way that its data allow, drawn by chance, and the invariants that must hold whatever it does.
//!
//! It shares no code with the checker. What the checker says of a service (`Service`) is a claim here,
//! held against what the controller really did.

use clearway_certify::{Class, Service};
use clearway_signals::{Capabilities, Channel, Owner, RequestRow, RowKind};

use crate::draw::Draw;
use crate::heads::Heads;
use crate::sites::Site;

/// An input is seen so late at most.
const SEEN_MAX: i64 = 100;
/// Nothing is asked for longer.
const HOLD_MAX: i64 = 120_000;
const PRESENCE_MAX: i64 = 240_000;
/// No plan reaches further, and no interval is longer.
const SENSIBLE: i64 = 10_000_000;
/// A controller changes less often than this.
const INSTANTS_MAX: usize = 20_000;
/// The plan runs for so long before the first call.
const BEFORE: i64 = 30_000;

/// One call of ours, as it will stand at the controller.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub row: usize,
    /// The groups that its vehicle needs; none: it is not of the plan that is judged.
    pub wanted: u64,
    pub from: i64,
    pub until: i64,
    pub claim: Option<Service>,
}

/// Judge the calls of a plan at one controller: what must hold at once, then under every response drawn.
pub fn judge(
    site: &Site,
    class: Class,
    calls: &[Call],
    responses: usize,
    draw: &mut Draw,
) -> Result<(), String> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| (call.from, call.until));
    if let Some(call) = calls.iter().find(|call| call.row >= site.rows.len()) {
        return Err(format!("no such row: {call:?}"));
    }
    for call in calls.iter().filter(|call| call.wanted != 0) {
        may_be_called(site, class, call)?;
    }
    for two in calls.windows(2) {
        if two[1].from < two[0].until {
            return Err(format!("two rows called at once: {two:?}"));
        }
    }
    if class != Class::Emergency {
        return Ok(());
    }
    for _ in 0..responses {
        Controller::new(site, &calls, draw).run(draw)?;
    }
    Ok(())
}

/// S7, S9, S13, S14, N5 and the path, from the data alone.
fn may_be_called(site: &Site, class: Class, call: &Call) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what}: {call:?}"));
    let row = &site.rows[call.row];
    let emergency = class == Class::Emergency;
    let kind = if emergency { RowKind::Emergency } else { RowKind::Transit };
    let channel = if emergency { Channel::Preempt } else { Channel::Priority };
    let needs = if emergency { Capabilities::PREEMPT } else { Capabilities::PRIORITY };
    if row.owner != Owner::Ours || row.kind != kind || row.channel != channel {
        return fail("not a row of ours for this class");
    }
    if !site.capabilities.allows(needs) {
        return fail("the binding cannot carry it");
    }
    let rail = site.rows.iter().filter(|other| other.kind == RowKind::Rail && other.channel == channel);
    if rail.map(|other| other.number).max().is_some_and(|lowest| lowest >= row.number) {
        return fail("outranks rail");
    }
    if call.wanted & !row.dwell.0 != 0 || 64 - row.dwell.0.leading_zeros() as usize > site.groups.len() {
        return fail("path not served");
    }
    let heads = Heads::new(site, 0);
    let shown = |g: &usize| row.dwell.0 >> g & 1 == 1;
    let pairs =
        (0..heads.len()).filter(shown).flat_map(|a| (0..heads.len()).filter(shown).map(move |b| (a, b)));
    if pairs.into_iter().any(|(a, b)| heads.conflicts(a, b)) {
        return fail("the dwell can never be shown");
    }
    if call.from < 0 || call.until > SENSIBLE || call.until <= call.from {
        return fail("senseless times");
    }
    let hold = call.until - call.from;
    let presence = row.max_presence.0;
    if hold > HOLD_MAX || (emergency && !(1..=PRESENCE_MAX).contains(&presence)) {
        return fail("without bound");
    }
    if emergency && hold > presence {
        return fail("outlives its presence");
    }
    let times = [row.delay.0, row.min_duration.0, row.min_dwell.0];
    if times.iter().any(|time| !(0..=SENSIBLE).contains(time)) {
        return fail("senseless row");
    }
    if hold <= row.delay.0 {
        return fail("released before it can be served");
    }
    Ok(())
}

/// What the sequencer does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Plan,
    /// The call, since when its entry runs, since when its dwell.
    Serve(usize, i64, Option<i64>),
    /// A higher row of somebody else, at its dwell or on the way.
    Other,
    /// Left the call; the groups that end for the plan.
    Exit(Option<usize>, u64),
}

struct Controller<'a> {
    site: &'a Site,
    calls: &'a [Call],
    heads: Heads<'a>,
    mode: Mode,
    plan: u64,
    /// When each call is seen, and seen gone.
    seen: Vec<(i64, i64)>,
    /// A higher row and when it is called.
    other: Option<(u64, i64, i64)>,
    /// A higher row has been served: bounds of the entry no longer bind.
    disturbed: bool,
    /// An exit is finished before anything new is begun; an entry is given up when its call goes.
    finishes_exit: bool,
    gives_up_entry: bool,
    over: Vec<Option<i64>>,
    next_plan: i64,
}

impl<'a> Controller<'a> {
    fn new(site: &'a Site, calls: &'a [Call], draw: &mut Draw) -> Self {
        let watched = calls.iter().filter(|call| call.wanted != 0).map(|call| site.rows[call.row].dwell.0);
        let heads = Heads::new(site, watched.fold(0, |all, dwell| all | dwell));
        let seen = calls.iter().map(|call| {
            let late = [draw.between(0, SEEN_MAX), draw.of(&[0, SEEN_MAX]), draw.between(0, SEEN_MAX)];
            (call.from + late[draw.below(2)], call.until + late[1 + draw.below(2)])
        });
        let seen: Vec<_> = seen.collect();
        let other = site.rows.iter().find(|row| row.kind == RowKind::Rail).filter(|_| draw.one_in(3));
        let other = other.map(|row| {
            let from = calls[0].from + draw.between(-20_000, 60_000);
            (row.dwell.0, from, from + draw.between(1_000, 40_000))
        });
        let next_plan = calls[0].from - BEFORE;
        let over = vec![None; calls.len()];
        let (finishes_exit, gives_up_entry) = (draw.one_in(2), draw.one_in(4));
        Self {
            site,
            calls,
            heads,
            mode: Mode::Plan,
            plan: 0,
            seen,
            other,
            disturbed: false,
            finishes_exit,
            gives_up_entry,
            over,
            next_plan,
        }
    }

    fn run(&mut self, draw: &mut Draw) -> Result<(), String> {
        let plan_calls = self.calls.iter().filter(|call| call.wanted != 0);
        let exits = plan_calls.filter_map(|call| Some(call.claim?.exit_by.0.min(call.until + SENSIBLE)));
        let end = exits.max().unwrap_or(0).max(self.calls[0].until) + 1_000;
        let mut now = self.next_plan;
        for _ in 0..INSTANTS_MAX {
            self.instant(now, draw)?;
            now = self.next(now);
            if now > end {
                return self.deadlines(end);
            }
        }
        Err("the controller never comes to rest".into())
    }

    fn row(&self, call: usize) -> &'a RequestRow {
        &self.site.rows[self.calls[call].row]
    }

    fn instant(&mut self, now: i64, draw: &mut Draw) -> Result<(), String> {
        if now >= self.next_plan {
            if !matches!(self.mode, Mode::Exit(..)) {
                self.plan = self.stage(draw);
            }
            self.next_plan = now + draw.of(&[500, 1_000, 3_000, 7_000, 15_000]) + draw.between(0, 999);
            // At times it turns just before, or just when, a call is seen.
            let (on, _) = self.seen[draw.below(self.seen.len())];
            let before = on.saturating_add(self.row(0).delay.0) - draw.of(&[0, 0, 1, 100, 1_000, 4_000]);
            if before > now {
                self.next_plan = self.next_plan.min(before);
            }
        }
        for _ in 0..4 {
            self.decide(now, draw)?;
            self.heads.settle(self.wanted(), now);
            self.arrive(now)?;
        }
        self.deadlines(now)?;
        match self.heads.conflict.take() {
            Some(conflict) => Err(format!("S1/S3: {conflict}; {:?}", self.mode)),
            None => Ok(()),
        }
    }

    /// Some groups that do not conflict.
    fn stage(&self, draw: &mut Draw) -> u64 {
        let mut stage = 0u64;
        for _ in 0..self.heads.len() {
            let g = draw.below(self.heads.len());
            if (0..self.heads.len()).all(|a| stage >> a & 1 == 0 || !self.heads.conflicts(a, g)) {
                stage |= 1 << g;
            }
        }
        stage
    }

    fn wanted(&self) -> u64 {
        match self.mode {
            Mode::Plan | Mode::Exit(..) => self.plan,
            Mode::Serve(call, ..) => self.row(call).dwell.0,
            Mode::Other => self.other.map_or(0, |(dwell, ..)| dwell),
        }
    }

    /// The call that is seen now, and has been for its delay.
    fn ready(&self, now: i64) -> Option<usize> {
        (0..self.calls.len()).find(|call| {
            let (on, off) = self.seen[*call];
            now >= on.saturating_add(self.row(*call).delay.0)
                && now < off
                && self.row(*call).channel == Channel::Preempt
        })
    }

    fn decide(&mut self, now: i64, draw: &mut Draw) -> Result<(), String> {
        if let Some((_, from, until)) = self.other {
            let called = (from..until).contains(&now);
            if called && self.mode != Mode::Other {
                (self.mode, self.disturbed) = (Mode::Other, true);
            } else if !called && self.mode == Mode::Other {
                self.leave(None, draw);
            }
        }
        match self.mode {
            Mode::Serve(call, started, dwelling) => self.may_leave(call, started, dwelling, now, draw),
            Mode::Other => Ok(()),
            Mode::Exit(..) if self.finishes_exit && !self.exit_is_over(now) => Ok(()),
            Mode::Plan | Mode::Exit(..) => {
                if let Some(call) = self.ready(now) {
                    self.mode = Mode::Serve(call, now, None);
                }
                Ok(())
            }
        }
    }

    fn may_leave(
        &mut self,
        call: usize,
        started: i64,
        dwelling: Option<i64>,
        now: i64,
        draw: &mut Draw,
    ) -> Result<(), String> {
        let (row, asked) = (self.row(call), self.calls[call]);
        let of_plan = asked.wanted != 0 && !self.disturbed;
        if now - started >= row.max_presence.0 {
            if of_plan && (now < asked.until || now > asked.until + SEEN_MAX) {
                return Err(format!("S9: given up at {now} before it was served out: {asked:?}"));
            }
            self.leave(Some(call), draw);
        } else if now >= self.seen[call].1 {
            let served = dwelling.is_some_and(|dwelling| {
                now >= started.saturating_add(row.min_duration.0)
                    && now >= dwelling.saturating_add(row.min_dwell.0)
            });
            if served || (self.gives_up_entry && dwelling.is_none()) {
                if let Some(claim) = asked.claim.filter(|claim| of_plan && now > claim.served_until.0) {
                    return Err(format!("served until {now}, not {:?}: {asked:?}", claim.served_until));
                }
                self.leave(Some(call), draw);
            }
        }
        Ok(())
    }

    fn leave(&mut self, call: Option<usize>, draw: &mut Draw) {
        self.plan = self.stage(draw);
        let dwell = call.map_or(0, |call| self.row(call).dwell.0);
        self.mode = Mode::Exit(call, dwell & !self.plan);
    }

    fn exit_is_over(&self, now: i64) -> bool {
        let Mode::Exit(_, ending) = self.mode else { return true };
        self.heads.cleared(ending).is_some_and(|over| over <= now)
    }

    fn arrive(&mut self, now: i64) -> Result<(), String> {
        match self.mode {
            Mode::Serve(call, started, None) if self.row(call).dwell.0 & !self.heads.greens() == 0 => {
                let asked = self.calls[call];
                let claim = asked.claim.filter(|_| asked.wanted != 0 && !self.disturbed);
                if let Some(claim) = claim.filter(|c| now < c.entry_from.0 || started > c.entry_by.0) {
                    return Err(format!("entered at {started}, dwelt at {now}, not as {claim:?}"));
                }
                self.mode = Mode::Serve(call, started, Some(now));
            }
            Mode::Exit(call, _) if self.exit_is_over(now) => {
                if let Some(call) = call {
                    self.over[call] = Some(now);
                }
                self.mode = Mode::Plan;
            }
            _ => {}
        }
        Ok(())
    }

    /// What must have happened by now, unless a higher row came between.
    fn deadlines(&self, now: i64) -> Result<(), String> {
        if self.disturbed {
            return Ok(());
        }
        for (index, call) in self.calls.iter().enumerate() {
            // A call of another must have left the controller before one of the plan begins.
            let mine = matches!(self.mode, Mode::Serve(c, ..) | Mode::Exit(Some(c), _) if c == index);
            let follows = |next: &&Call| next.from > call.from && now > next.from;
            if mine && self.calls.iter().any(|next| follows(&next)) {
                return Err(format!("two rows at once at {now}: {:?} of {:?}", self.mode, self.calls));
            }
            let Some(claim) = call.claim.filter(|_| call.wanted != 0) else { continue };
            let dwells = matches!(self.mode, Mode::Serve(c, _, Some(_)) if c == index);
            let stands = now < self.seen[index].1;
            if claim.dwell_by.is_some_and(|by| now > by.0) && stands && !dwells {
                return Err(format!("no dwell at {now}, {:?}: {call:?}", self.mode));
            }
            if dwells && stands && call.wanted & !self.heads.greens() != 0 {
                return Err(format!("dwell without the path at {now}: {call:?}"));
            }
            if now > claim.exit_by.0 && mine {
                return Err(format!("not left at {now}, {:?}: {call:?}", self.mode));
            }
        }
        Ok(())
    }

    /// The next instant at which anything can happen.
    fn next(&self, now: i64) -> i64 {
        let mut next = self.heads.next(self.wanted(), now);
        let mut at = |time: i64| {
            if time > now {
                next = next.min(time);
            }
        };
        at(self.next_plan);
        for (call, (on, off)) in self.calls.iter().zip(&self.seen) {
            at(on.saturating_add(self.site.rows[call.row].delay.0));
            at(*off);
            let claims = call.claim.map(|c| [c.entry_by.0, c.dwell_by.map_or(0, |by| by.0), c.exit_by.0]);
            claims.into_iter().flatten().for_each(|time| at(time.saturating_add(1)));
        }
        if let Some((_, from, until)) = self.other {
            at(from);
            at(until);
        }
        match self.mode {
            Mode::Serve(call, started, dwelling) => {
                let row = self.row(call);
                at(started.saturating_add(row.min_duration.0));
                at(started.saturating_add(row.max_presence.0));
                at(dwelling.unwrap_or(now).saturating_add(row.min_dwell.0));
            }
            Mode::Exit(_, ending) => at(self.heads.cleared(ending).unwrap_or(now)),
            Mode::Plan | Mode::Other => {}
        }
        next
    }
}
