//! The time plans: the model's and two slower ones made from it; offsets, cycle times, dynamic bands;
//! which one runs: by command, by traffic situation, by the week's time tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clearway_network::{Controller, SignalPlan};
use clearway_signals::{GroupId, Junction, Millis, Relation};

/// Dynamic bands of a plan.
pub const BANDS: u8 = 10;
/// Time tables.
pub const TABLES: u8 = 12;
/// The longest cycle in seconds.
const CYCLE_MAX_S: i64 = 255;

/// One time plan.
#[derive(Clone, Debug)]
struct TimePlan {
    cycle_s: i64,
    /// Added to the base cycle counter: c = (b + o) mod t.
    offset_s: i64,
    /// Extension in seconds by band, band 1 first.
    bands: BTreeMap<u8, u8>,
}

/// Why this plan runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    Commanded,
    Calendar,
    Own,
    /// Every supervisor was away for longer than the bands' timeout.
    Lost,
}

impl Reason {
    /// The word of the list.
    pub fn source(self) -> &'static str {
        match self {
            Self::Commanded => "forced",
            Self::Calendar => "calendar_clock",
            Self::Own => "startup",
            Self::Lost => "other",
        }
    }
}

/// A line of a time table: from this minute of the day on, this plan; 0: none.
type Switch = (u16, u8);

/// All plans of one controller.
#[derive(Clone, Debug)]
pub(crate) struct PlanBook {
    model: SignalPlan,
    plans: Vec<TimePlan>,
    pub commanded: Option<u8>,
    pub situation: Option<u8>,
    pub lost: bool,
    /// The time table of each day, Monday first.
    week: [Option<u8>; 7],
    tables: BTreeMap<u8, Vec<Switch>>,
}

impl PlanBook {
    /// The model's plan is number 1; 2 and 3 have cycles longer by a quarter and by a half.
    pub fn new(model: &SignalPlan) -> Self {
        let model = SignalPlan { cycle: model.cycle.max(Millis(1_000)), ..model.clone() };
        let plan = |quarters: i64| TimePlan {
            cycle_s: (model.cycle.0 * (4 + quarters) / 4_000).clamp(1, CYCLE_MAX_S),
            offset_s: (model.cycle.0 - model.offset.0).rem_euclid(model.cycle.0) / 1000,
            bands: BTreeMap::new(),
        };
        Self {
            plans: vec![plan(0), plan(1), plan(2)],
            model,
            commanded: None,
            situation: None,
            lost: false,
            week: [Some(1); 7],
            tables: BTreeMap::from([(1, vec![(0, 1)])]),
        }
    }

    pub fn len(&self) -> u8 {
        u8::try_from(self.plans.len()).unwrap_or(u8::MAX)
    }

    pub fn exists(&self, plan: u8) -> bool {
        (1..=self.len()).contains(&plan)
    }

    fn plan(&mut self, plan: u8) -> Result<&mut TimePlan, String> {
        let found = usize::from(plan).checked_sub(1).and_then(|place| self.plans.get_mut(place));
        found.ok_or_else(|| format!("there is no time plan {plan}"))
    }

    /// Which plan runs on a weekday (0: Monday) at a minute of the day, and why.
    pub fn current(&self, weekday: u8, minute: u16) -> (u8, Reason) {
        if self.lost {
            return (1, Reason::Lost);
        }
        if let Some(plan) = self.commanded.or(self.situation.map(|s| s.min(self.len()))) {
            return (plan, Reason::Commanded);
        }
        match self.by_table(weekday, minute) {
            Some(plan) if self.exists(plan) => (plan, Reason::Calendar),
            _ => (1, Reason::Own),
        }
    }

    /// The latest switch before now; before the first one of the day the last one still holds.
    fn by_table(&self, weekday: u8, minute: u16) -> Option<u8> {
        let table = self.week.get(usize::from(weekday)).copied().flatten()?;
        let switches = self.tables.get(&table)?;
        let before = switches.iter().filter(|(at, _)| *at <= minute).max_by_key(|(at, _)| *at);
        before.or_else(|| switches.iter().max_by_key(|(at, _)| *at)).map(|(_, plan)| *plan)
    }

    /// Set the offset of a plan.
    pub fn set_offset(&mut self, plan: u8, offset_s: u8) -> Result<(), String> {
        self.plan(plan)?.offset_s = i64::from(offset_s);
        Ok(())
    }

    /// Set the cycle of a plan: its windows keep their shares. Refused when a green would become
    /// shorter than its group's minimum.
    pub fn set_cycle(&mut self, plan: u8, cycle_s: u8, controller: &Controller) -> Result<(), String> {
        let model = &self.model;
        let too_short = model.windows.iter().any(|window| {
            let least = controller.groups.get(window.group.index()).map_or(Millis::ZERO, |g| g.min_green);
            let scaled = window.length.0 * i64::from(cycle_s) * 1000 / model.cycle.0;
            scaled < least.0.min(window.length.0)
        });
        if too_short {
            return Err(format!("a cycle of {cycle_s} s is too short for the minimum greens"));
        }
        self.plan(plan)?.cycle_s = i64::from(cycle_s);
        Ok(())
    }

    /// Set dynamic bands, "band-seconds,band-seconds".
    pub fn set_bands(&mut self, plan: u8, text: &str) -> Result<(), String> {
        let mut bands = Vec::new();
        for pair in text.split(',') {
            let [band, seconds] = numbers(pair)?;
            if !(1..=u16::from(BANDS)).contains(&band) || seconds > 99 {
                return Err(format!("{pair:?}: bands are 1 to {BANDS}, extensions 0 to 99 s"));
            }
            bands.push((to_byte(band), to_byte(seconds)));
        }
        self.plan(plan)?.bands.extend(bands);
        Ok(())
    }

    /// Forget every extension.
    pub fn clear_bands(&mut self) {
        self.plans.iter_mut().for_each(|plan| plan.bands.clear());
    }

    /// Set the week's tables, "day-table,…", Monday is 0.
    pub fn set_week(&mut self, text: &str) -> Result<(), String> {
        let mut week = [None; 7];
        for pair in text.split(',') {
            let [day, table] = numbers(pair)?;
            let place = week.get_mut(usize::from(day)).ok_or_else(|| format!("{pair:?}: days are 0 to 6"))?;
            if !(1..=u16::from(TABLES)).contains(&table) {
                return Err(format!("{pair:?}: tables are 1 to {TABLES}"));
            }
            *place = Some(to_byte(table));
        }
        self.week = week;
        Ok(())
    }

    /// Set the time tables, "table-plan-hour-minute,…"; plan 0: none is selected.
    pub fn set_tables(&mut self, text: &str) -> Result<(), String> {
        let mut tables: BTreeMap<u8, Vec<Switch>> = BTreeMap::new();
        for entry in text.split(',') {
            let [table, plan, hour, minute] = numbers(entry)?;
            let known = plan == 0 || self.exists(to_byte(plan));
            if !(1..=u16::from(TABLES)).contains(&table) || hour > 23 || minute > 59 || !known {
                return Err(format!(
                    "{entry:?}: tables are 1 to {TABLES}, plans 0 to {}, times of day",
                    self.len()
                ));
            }
            tables.entry(to_byte(table)).or_default().push((hour * 60 + minute, to_byte(plan)));
        }
        self.tables = tables;
        Ok(())
    }

    // ---- as the list writes it ----

    pub fn plans_text(&self) -> String {
        join((1..=self.len()).map(|plan| plan.to_string()))
    }

    pub fn bands_text(&self) -> String {
        let bands = (1u8..).zip(&self.plans).flat_map(|(number, plan)| {
            plan.bands.iter().map(move |(band, seconds)| format!("{number}-{band}-{seconds}"))
        });
        join(bands)
    }

    pub fn offsets_text(&self) -> String {
        join((1u8..).zip(&self.plans).map(|(number, plan)| format!("{number}-{}", plan.offset_s)))
    }

    pub fn cycles_text(&self) -> String {
        join((1u8..).zip(&self.plans).map(|(number, plan)| format!("{number}-{}", plan.cycle_s)))
    }

    pub fn week_text(&self) -> String {
        join((0u8..).zip(&self.week).filter_map(|(day, table)| Some(format!("{day}-{}", (*table)?))))
    }

    pub fn tables_text(&self) -> String {
        let switches = self.tables.iter().flat_map(|(table, switches)| {
            switches.iter().map(move |(at, plan)| format!("{table}-{plan}-{}-{}", at / 60, at % 60))
        });
        join(switches)
    }

    // ---- what the signals run ----

    /// The plan as the controller runs it: scaled to its cycle, bands extended, at its offset.
    pub fn effective(&self, plan: u8, junction: &Junction<'_>) -> SignalPlan {
        let Some(time_plan) = usize::from(plan).checked_sub(1).and_then(|place| self.plans.get(place)) else {
            return self.model.clone();
        };
        let cycle = Millis::from_s(time_plan.cycle_s);
        // A window of a whole tick's grid, so that the display can follow it.
        let scale = |time: Millis| Millis(time.0 * cycle.0 / self.model.cycle.0 / 100 * 100);
        let mut scaled = self.model.clone();
        scaled.offset = Millis::from_s((-time_plan.offset_s).rem_euclid(time_plan.cycle_s));
        if cycle != self.model.cycle {
            for window in &mut scaled.windows {
                (window.start, window.length) = (scale(window.start), scale(window.length));
            }
        } else {
            scaled.offset = exact_offset(&self.model, time_plan.offset_s);
        }
        scaled.cycle = cycle.max(Millis(1));
        for (band, seconds) in &time_plan.bands {
            extend(&mut scaled, *band, Millis::from_s(i64::from(*seconds)), junction);
        }
        scaled
    }
}

/// The model's own offset where the seconds are the model's, so that no fraction is lost.
fn exact_offset(model: &SignalPlan, offset_s: i64) -> Millis {
    let models = (model.cycle.0 - model.offset.0).rem_euclid(model.cycle.0) / 1000;
    if offset_s == models { model.offset } else { Millis((-offset_s * 1000).rem_euclid(model.cycle.0)) }
}

/// Starts of the stages of a plan, in cycle order: band n extends the windows that begin with stage n.
pub(crate) fn stages(plan: &SignalPlan) -> Vec<Millis> {
    let mut starts: Vec<Millis> = plan.windows.iter().map(|window| window.start).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// Extend a stage's greens; conflicting greens that follow start later, down to their minimum.
fn extend(plan: &mut SignalPlan, band: u8, by: Millis, junction: &Junction<'_>) {
    let Some(start) = stages(plan).get(usize::from(band) - 1).copied() else { return };
    let own: Vec<usize> = (0..plan.windows.len()).filter(|w| plan.windows[*w].start == start).collect();
    let mut by = by.0;
    let mut delays = Vec::new();
    for place in &own {
        let window = plan.windows[*place];
        by = by.min(plan.cycle.0 - window.length.0);
        for (other, next) in plan.windows.iter().enumerate() {
            let Relation::Conflict(intergreen) = junction.relation(window.group, next.group) else {
                continue;
            };
            let gap = (next.start.0 - window.start.0 - window.length.0).rem_euclid(plan.cycle.0);
            let slack = (gap - intergreen.0).max(0);
            by = by.min(slack + (next.length.0 - min_green(junction, next.group)).max(0));
            delays.push((other, slack));
        }
    }
    let by = by.max(0) / 100 * 100;
    for place in own {
        plan.windows[place].length.0 += by;
    }
    let mut delayed: BTreeMap<usize, i64> = BTreeMap::new();
    for (other, slack) in delays {
        let delay = delayed.entry(other).or_default();
        *delay = (*delay).max(by - slack);
    }
    for (other, delay) in delayed.into_iter().filter(|(_, delay)| *delay > 0) {
        let window = &mut plan.windows[other];
        window.start = Millis((window.start.0 + delay).rem_euclid(plan.cycle.0));
        window.length.0 -= delay;
    }
}

fn min_green(junction: &Junction<'_>, group: GroupId) -> i64 {
    junction.groups.get(group.index()).map_or(0, |group| group.min_green.0)
}

/// Numbers with hyphens between them.
pub(crate) fn numbers<const N: usize>(text: &str) -> Result<[u16; N], String> {
    let wrong = || format!("{text:?} is not {N} numbers with hyphens between them");
    let read: Vec<u16> =
        text.trim().split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    read.try_into().map_err(|_| wrong())
}

pub(crate) fn to_byte(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

pub(crate) fn join(parts: impl Iterator<Item = String>) -> String {
    parts.fold(String::new(), |mut text, part| {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{part}");
        text
    })
}

#[cfg(test)]
mod tests {
    use clearway_network::testing::corridor;

    use super::*;

    fn book() -> (PlanBook, Controller) {
        let controller = corridor(1).controllers.remove(0);
        (PlanBook::new(&controller.plan), controller)
    }

    #[test]
    fn plan_one_is_the_models() {
        let (book, controller) = book();
        assert_eq!(book.effective(1, &controller.junction()), controller.plan);
        assert_eq!(book.cycles_text(), "1-60,2-75,3-90");
        assert_eq!(book.effective(2, &controller.junction()).windows[0].length, Millis(31_200));
    }

    #[test]
    fn a_band_moves_green_from_the_next_stage_down_to_its_minimum() {
        let (mut book, controller) = book();
        book.set_bands(1, "1-12,3-0").unwrap();
        let plan = book.effective(1, &controller.junction());
        assert_eq!((plan.windows[0].length, plan.windows[1].start), (Millis(37_000), Millis(42_000)));
        assert_eq!(plan.windows[1].length, Millis(8_000));
        book.set_bands(1, "1-60").unwrap();
        let plan = book.effective(1, &controller.junction());
        assert_eq!((plan.windows[0].length, plan.windows[1].length), (Millis(40_000), Millis(5_000)));
        assert_eq!(book.bands_text(), "1-1-60,1-3-0");
        assert!(book.set_bands(1, "11-1").is_err() && book.set_bands(9, "1-1").is_err());
    }

    #[test]
    fn the_cycle_counter_is_base_plus_offset() {
        let (mut book, controller) = book();
        book.set_offset(1, 99).unwrap();
        let plan = book.effective(1, &controller.junction());
        // (0 + 99) mod 60 = 39 at the clock's zero.
        assert_eq!((Millis::ZERO - plan.offset).0.rem_euclid(60_000), 39_000);
    }

    #[test]
    fn a_cycle_too_short_for_minimum_greens_is_refused() {
        let (mut book, controller) = book();
        assert!(book.set_cycle(1, 10, &controller).is_err());
        book.set_cycle(1, 65, &controller).unwrap();
        assert_eq!(book.effective(1, &controller.junction()).cycle, Millis::from_s(65));
    }

    #[test]
    fn commands_go_before_situations_before_tables() {
        let (mut book, _) = book();
        assert_eq!(book.current(0, 0), (1, Reason::Calendar));
        book.set_week("0-1,6-2").unwrap();
        book.set_tables("1-2-6-0,1-3-9-30,2-0-0-0").unwrap();
        assert_eq!(book.current(0, 359), (3, Reason::Calendar), "yesterday's last switch holds");
        assert_eq!(book.current(0, 360), (2, Reason::Calendar));
        assert_eq!(book.current(6, 700), (1, Reason::Own));
        assert_eq!(book.current(3, 700), (1, Reason::Own), "no table on that day");
        book.situation = Some(2);
        assert_eq!(book.current(0, 0), (2, Reason::Commanded));
        book.commanded = Some(3);
        assert_eq!(book.current(0, 0), (3, Reason::Commanded));
        for wrong in ["7-1", "0-13", "0", "a-b"] {
            assert!(book.set_week(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1-9-0-0", "1-1-24-0", "1-1-0-60", "13-1-0-0", "1-1-0"] {
            assert!(book.set_tables(wrong).is_err(), "{wrong}");
        }
    }
}
