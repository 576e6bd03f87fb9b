//! Who goes first where emergency vehicles meet: the book of reservations inside the engine.
//!
//! On the tick all waves' wishes go into the book (`reserve`), are planned together, and each signal gets
//! its [`Turn`]: from when it may be green, from when it may be called, and behind whom. Between ticks the
//! turns stay in force: a position moves the wishes, and the turns still bound them from below.
//!
//! A call that was made is taken back only for a vehicle that is more urgent, and only at the instant at
//! which that vehicle's own call is due: rows change hands upwards only, so they cannot oscillate.

use clearway_certify::{Class, Held};
use clearway_network::Controller;
use clearway_signals::limits::MISSIONS_MAX;
use clearway_signals::{ControllerId, GroupSet, Millis, RequestId, VehicleId};

use crate::engine::Engine;
use crate::output::{Notice, Output};
use crate::reserve::{Ahead, Claim, Effort, Rank, Reservations, Wishes};
use crate::wave::{Skip, Wave, WaveSignal};

/// Between two rows of one controller that do not conflict: the exit of the first and the reading of it.
const BETWEEN: Millis = Millis(1_000);

/// A vehicle that seeks its way needs a green at least this long.
const PASSAGE: Millis = Millis(5_000);

/// When a signal is called, green and released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// When the row is to be called.
    pub call_at: Millis,
    /// When green is expected, the queue not counted.
    pub green_at: Millis,
    /// When the row is released at the latest.
    pub release_at: Millis,
}

impl Default for Times {
    fn default() -> Self {
        Self { call_at: Millis::NEVER, green_at: Millis::NEVER, release_at: Millis::NEVER }
    }
}

/// Why another vehicle goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precedence {
    /// It has called its row already.
    Called,
    /// It is more urgent, by class or by its mission's priority.
    MoreUrgent,
    /// All vehicles together lose least this way.
    LessDelay,
    /// It holds the same row: its green serves both, and the call is handed on.
    SameGreen,
}

/// A signal's place in the order of all vehicles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// Not green before.
    pub green_from: Millis,
    /// Not called before.
    pub call_from: Millis,
    /// Behind whom, and why.
    pub behind: Option<(VehicleId, Precedence)>,
}

/// The book and what goes in and out of it.
#[derive(Debug)]
pub(crate) struct Turns {
    book: Reservations,
    wishes: Vec<Wishes>,
    bids: Vec<Option<usize>>,
    /// Whether anything has changed since it was planned.
    pub stale: bool,
    /// Whether any signal has a turn other than its own wish.
    given: bool,
}

impl Turns {
    pub fn new(network: &clearway_network::Network) -> Self {
        Self {
            book: Reservations::new(network, Some(BETWEEN)),
            wishes: (0..MISSIONS_MAX).map(|_| Wishes::with_buffers()).collect(),
            bids: vec![None; MISSIONS_MAX],
            stale: false,
            given: false,
        }
    }
}

impl Turns {
    /// How long a vehicle that comes to a signal waits for those before it in rank: what a search of ways
    /// asks. Nobody is waited for while only one vehicle is under way.
    pub fn wait(&self, controller: &Controller, wanted: GroupSet, at: Millis, rank: &Rank) -> Millis {
        if self.given { self.book.wait(controller, wanted, at, PASSAGE, Some(rank)) } else { Millis::ZERO }
    }
}

impl WaveSignal {
    /// Keep the times just planned as what this vehicle alone wishes, then wait for its turn.
    pub(crate) fn wish_and_settle(&mut self) {
        let Self { call_at, green_at, release_at, .. } = *self;
        self.wish = Times { call_at, green_at, release_at };
        self.settle();
    }

    /// Put the wish off to the signal's turn. A call that was made is not put off: it is held or released.
    fn settle(&mut self) {
        if self.asserted || !self.skip.wants_call() {
            return;
        }
        let Times { call_at, green_at, release_at } = self.wish;
        let put_off = self.turn.green_from.since(green_at);
        self.green_at = green_at + put_off;
        self.call_at = (call_at + put_off).max(self.turn.call_from);
        self.release_at = (release_at + put_off).max(self.call_at);
        self.skip = match self.turn.behind {
            Some((first, why)) if self.call_at > call_at => Skip::Behind(first, why),
            _ => Skip::No,
        };
    }
}

impl Wave {
    /// Whether the wave is planned and may ask.
    pub(crate) fn is_under_way(&self) -> bool {
        self.mission.is_some() && !self.suspended && self.track.is_some()
    }

    /// The place of the wave in the total order of vehicles (S11).
    pub(crate) fn rank(&self) -> Option<Rank> {
        let mission = self.mission?;
        let (priority, vehicle) = (mission.priority, mission.vehicle);
        Some(Rank { class: Class::Emergency, priority, since: self.since, vehicle })
    }
}

impl Engine {
    /// Decide anew who goes first, if anything has changed.
    pub(crate) fn take_turns(&mut self, now: Millis, out: &mut Output) {
        if !std::mem::take(&mut self.turns.stale) {
            return;
        }
        if self.missions < 2 {
            self.forget_turns();
            return;
        }
        self.gather_wishes(now);
        self.turns.book.plan(&Effort::default());
        self.turns.given = true;
        for i in 0..self.waves.len() {
            self.let_yield(i);
        }
        for i in 0..self.waves.len() {
            if self.waves[i].is_under_way() {
                self.give_turns(i, out);
            }
        }
    }

    /// One vehicle alone needs no turns.
    fn forget_turns(&mut self) {
        if !std::mem::take(&mut self.turns.given) {
            return;
        }
        for signal in self.waves.iter_mut().flat_map(|wave| &mut wave.signals) {
            signal.turn = Turn::default();
            signal.settle();
        }
        self.watches.iter_mut().for_each(|watch| watch.yields = false);
        self.waves.iter_mut().for_each(|wave| wave.put_off = Millis::ZERO);
    }

    fn gather_wishes(&mut self, now: Millis) {
        self.turns.book.clear();
        for (i, wave) in self.waves.iter_mut().enumerate() {
            self.turns.bids[i] = None;
            let Some(rank) = wave.rank().filter(|_| wave.is_under_way()) else { continue };
            let wishes = &mut self.turns.wishes[i];
            wishes.read(wave, now);
            wave.has_turns = true;
            if !wishes.visits.is_empty() {
                self.turns.bids[i] = self.turns.book.add(rank, &wishes.visits).ok();
            }
        }
    }

    /// Mark the calls of a wave that give way when the call of a more urgent vehicle is due.
    fn let_yield(&mut self, i: usize) {
        let bid = self.turns.bids[i];
        for (visit, index) in self.turns.wishes[i].signals.iter().enumerate() {
            let Some(signal) = self.waves[i].signals.get(*index).filter(|s| s.asserted) else { continue };
            let window = bid.and_then(|bid| self.turns.book.reservation(bid, visit));
            let watch = &mut self.watches[signal.place.controller.index()];
            watch.yields = window.is_some_and(|window| window.yields);
        }
        let delay = bid.map_or(Millis::ZERO, |bid| self.turns.book.delay(bid));
        self.waves[i].put_off = delay;
    }

    /// Give the uncalled signals of a wave their turns.
    fn give_turns(&mut self, i: usize, out: &mut Output) {
        let Some(rank) = self.waves[i].rank() else { return };
        for visit in 0..self.turns.wishes[i].signals.len() {
            let index = self.turns.wishes[i].signals[visit];
            let Some(signal) = self.waves[i].signals.get(index).copied() else { continue };
            let turn = if signal.asserted { Turn::default() } else { self.turn_of(i, visit, &rank, &signal) };
            let signal = &mut self.waves[i].signals[index];
            signal.turn = turn;
            signal.settle();
            if let Skip::Behind(first, why) = signal.skip
                && signal.told_behind != Some(first)
            {
                signal.told_behind = Some(first);
                let (vehicle, controller) = (rank.vehicle, signal.place.controller);
                out.notice(Notice::PutOff { vehicle, controller, first, why });
            }
        }
    }

    fn turn_of(&self, i: usize, visit: usize, rank: &Rank, signal: &WaveSignal) -> Turn {
        let book = &self.turns.book;
        let controller = signal.place.controller;
        // Without a place in the book the vehicle goes last.
        let (ahead, green_from) = match self.turns.bids[i] {
            Some(bid) => (book.ahead(bid, visit), book.reservation(bid, visit).map(|window| window.from)),
            None => (book.last_at(controller), None),
        };
        let mut turn = Turn { green_from: green_from.unwrap_or_default(), ..Turn::default() };
        if let Some(ahead) = ahead {
            turn.call_from = ahead.window.until;
            turn.behind = Some((ahead.window.vehicle, precedence(&ahead, rank)));
        }
        let other = |held: &Held| Some(held.request) != signal.request && !self.gives_way(controller, i);
        let held = self.watches[controller.index()].held.filter(other);
        if let Some(held) = held {
            turn.call_from = turn.call_from.max(held.until);
            if let (None, Some((j, _))) = (turn.behind, self.holder_of(held.request)) {
                let same = signal.place.row == Some(held.row);
                let why = if same { Precedence::SameGreen } else { Precedence::Called };
                turn.behind = self.waves[j].mission.map(|mission| (mission.vehicle, why));
            }
        }
        turn
    }

    /// Whether whoever holds a controller gives way to wave `i` when its call is due: a tram or bus does,
    /// and an emergency vehicle that is to yield, if this one is more urgent.
    pub(crate) fn gives_way(&self, controller: ControllerId, i: usize) -> bool {
        let watch = &self.watches[controller.index()];
        let rank_of_holder = || self.waves.iter().filter_map(Wave::rank).find(|r| r.vehicle == watch.holder);
        let is_more_urgent = || {
            let both = self.waves[i].rank().zip(rank_of_holder());
            both.is_some_and(|(own, other)| own.may_take_from(&other))
        };
        watch.held_by_transit || (watch.yields && is_more_urgent())
    }

    /// The wave, and its signal, that holds a request.
    pub(crate) fn holder_of(&self, request: RequestId) -> Option<(usize, usize)> {
        self.waves.iter().enumerate().find_map(|(j, wave)| {
            let s = wave.signals.iter().position(|s| s.asserted && s.request == Some(request))?;
            Some((j, s))
        })
    }
}

fn precedence(ahead: &Ahead, own: &Rank) -> Precedence {
    if ahead.claim != Claim::Wished {
        Precedence::Called
    } else if ahead.rank.may_take_from(own) {
        Precedence::MoreUrgent
    } else {
        Precedence::LessDelay
    }
}
