//! Signal heads that obey their data to the letter, and a monitor that watches them. Time is in
//! milliseconds and jumps from one expiry to the next.

use clearway_signals::Relation;

use crate::sites::Site;

/// Red between two greens of one group.
const RED_MIN: i64 = 1_000;
const LONG_AGO: i64 = i64::MIN / 4;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Aspect {
    Red,
    RedYellow,
    Green,
    Ending,
}

/// One head: what it shows, since when, and when its last green ended.
#[derive(Clone, Copy, Debug)]
struct Head {
    shows: Aspect,
    since: i64,
    green_end: i64,
}

pub struct Heads<'a> {
    site: &'a Site,
    heads: Vec<Head>,
    /// Pairs with one of these groups are the monitor's affair.
    watched: u64,
    pub conflict: Option<String>,
}

impl<'a> Heads<'a> {
    pub fn new(site: &'a Site, watched: u64) -> Self {
        let dark = Head { shows: Aspect::Red, since: LONG_AGO, green_end: LONG_AGO };
        Self { site, heads: vec![dark; site.groups.len()], watched, conflict: None }
    }

    pub fn greens(&self) -> u64 {
        (0..self.heads.len()).filter(|g| self.heads[*g].shows == Aspect::Green).map(|g| 1 << g).sum()
    }

    fn ending(&self, g: usize) -> i64 {
        self.site.groups[g].yellow.0.max(self.site.groups[g].clearance.0)
    }

    /// The intergreen from the end of `a` to the start of `b`; `None` when they may be green together.
    fn intergreen(&self, a: usize, b: usize) -> Option<i64> {
        let n = self.heads.len();
        let told = |a: usize, b: usize| self.site.relations.get(a * n + b);
        match (told(a, b), told(b, a)) {
            _ if a == b => None,
            (None, _) | (_, None) => Some(i64::MAX),
            (Some(Relation::Conflict(time)), _) => Some(time.0),
            // Told in one order only: in the other there is no interval to keep.
            (_, Some(Relation::Conflict(_))) => Some(0),
            _ => None,
        }
    }

    /// From when a group may begin its red-yellow; `None` while a conflicting group is not yet ended.
    fn start(&self, g: usize) -> Option<i64> {
        let red_yellow = self.site.groups[g].red_yellow.0;
        let own = self.heads[g].since.saturating_add(RED_MIN.saturating_sub(red_yellow).max(0));
        let mut from = own;
        for a in 0..self.heads.len() {
            let Some(intergreen) = self.intergreen(a, g) else { continue };
            if matches!(self.heads[a].shows, Aspect::Green | Aspect::RedYellow) {
                return None;
            }
            let ended = self.heads[a].green_end;
            from = from.max(ended).max(ended.saturating_add(intergreen).saturating_sub(red_yellow));
        }
        Some(from)
    }

    /// When a head moves next, and to what.
    fn move_of(&self, g: usize, wanted: u64) -> Option<(i64, Aspect)> {
        let (head, data) = (self.heads[g], &self.site.groups[g]);
        let is_wanted = wanted >> g & 1 == 1;
        match head.shows {
            Aspect::Red if is_wanted => Some((self.start(g)?, Aspect::RedYellow)),
            Aspect::RedYellow => Some((head.since.saturating_add(data.red_yellow.0), Aspect::Green)),
            Aspect::Green if !is_wanted => {
                Some((head.since.saturating_add(data.min_green.0), Aspect::Ending))
            }
            Aspect::Ending => Some((head.since.saturating_add(self.ending(g)), Aspect::Red)),
            Aspect::Red | Aspect::Green => None,
        }
    }

    /// Let every head move that may at `now`.
    pub fn settle(&mut self, wanted: u64, now: i64) {
        for _ in 0..4 * self.heads.len() + 4 {
            let due =
                |g: &usize| self.move_of(*g, wanted).filter(|(at, _)| *at <= now).map(|(_, to)| (*g, to));
            let Some((g, to)) = (0..self.heads.len()).find_map(|g| due(&g)) else { return };
            let head = &mut self.heads[g];
            if to == Aspect::Ending {
                head.green_end = now;
            }
            (head.shows, head.since) = (to, now);
            if to == Aspect::Green {
                self.watch(g, now);
            }
        }
    }

    /// The monitor, when a green begins: nobody in its way is still green, yellow or clearing, and each
    /// intergreen has run out.
    fn watch(&mut self, g: usize, now: i64) {
        for a in (0..self.heads.len()).filter(|a| self.watched >> a & 1 == 1 || self.watched >> g & 1 == 1) {
            let Some(intergreen) = self.intergreen(a, g) else { continue };
            let ends = self.heads[a].since.saturating_add(self.ending(a));
            let still = match self.heads[a].shows {
                Aspect::Green => true,
                Aspect::Ending => now < ends,
                Aspect::Red | Aspect::RedYellow => false,
            };
            if still || now < self.heads[a].green_end.saturating_add(intergreen) {
                self.conflict =
                    Some(format!("group {g} green at {now} beside group {a}, {:?}", self.heads[a]));
            }
        }
    }

    /// When the next head moves.
    pub fn next(&self, wanted: u64, now: i64) -> i64 {
        let moves = (0..self.heads.len()).filter_map(|g| self.move_of(g, wanted)).map(|(at, _)| at);
        moves.filter(|at| *at > now).min().unwrap_or(i64::MAX)
    }

    /// From when none of these groups is in anybody's way any more; `None` while one is green.
    pub fn cleared(&self, groups: u64) -> Option<i64> {
        let mut over = i64::MIN;
        for g in (0..self.heads.len()).filter(|g| groups >> g & 1 == 1) {
            if matches!(self.heads[g].shows, Aspect::Green | Aspect::RedYellow) {
                return None;
            }
            let ended = self.heads[g].green_end;
            let intergreens = (0..self.heads.len()).filter_map(|b| self.intergreen(g, b));
            over = over.max(ended.saturating_add(intergreens.max().unwrap_or(0)));
        }
        Some(over)
    }

    /// Whether two groups may never be green together.
    pub fn conflicts(&self, a: usize, b: usize) -> bool {
        self.intergreen(a, b).is_some()
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }
}
