//! What emergency vehicles taught the engine: how long links take by time of day, how drivers differ,
//! how far to trust a forecast.
//!
//! Everything is learned from events alone and kept in tables of fixed size: no clock, no floating
//! point, no allocation after the start. A replay of the journal learns the same, bit for bit. What an
//! engine learned leaves it as [`Lesson`]s and comes back as events at the next start.
//!
//! A link's law is sought from the particular to the general (planning notes 4.3): its own sketch of
//! this period, mixed with that of its class, mixed with the prior of the model; each is worth as much
//! as it has seen.

mod scores;
mod sketch;
mod trip;

use clearway_network::{Link, LinkId, Network};

use crate::event::LocalTime;

pub use scores::Scores;
pub use sketch::{BINS, Moments, Sketch};
pub use trip::{Trip, Way};

/// Periods of the week that are learned apart.
pub const PERIODS: usize = 6;
/// Kinds of links that share what they teach: by free speed and by lanes.
pub const CLASSES: usize = 12;
/// The law above counts as so many observations, in sixteenths: a class against the model, a link
/// against its class.
const CLASS_PRIOR: i64 = 16 * 16;
const LINK_PRIOR: i64 = 8 * 16;
const DRIVER_PRIOR: i64 = 10 * 16;
/// Standard deviation of the drivers' own pace before any was seen, thousandths.
const DRIVER_SD: i64 = 100;

/// A period of the week.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Period(u8);

impl Period {
    /// The period of a local time: on working days night (22 to 6), morning peak (6 to 9), midday, afternoon
    /// peak (15 to 18), evening; on Saturdays and Sundays day (7 to 22) and the same night.
    #[must_use]
    pub const fn of(time: LocalTime) -> Self {
        let weekend = time.weekday >= 5;
        Self(match time.minute / 60 {
            22.. | 0..6 => 0,
            6 if weekend => 0,
            _ if weekend => 5,
            6..9 => 1,
            9..15 => 2,
            15..18 => 3,
            18..22 => 4,
        })
    }

    /// Its number, 0 to `PERIODS` − 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize % PERIODS
    }
}

/// How long a link takes, against its free time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Mean, thousandths of the free time.
    pub mean_permille: i64,
    /// Standard deviation over a stretch of [`Trip::STRETCH_MS`], thousandths of the free time.
    pub sd_permille: i64,
}

/// Where a [`Lesson`] belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// A link in a period.
    Link(LinkId, u8),
    /// A class of links in a period.
    Class(u8, u8),
    /// The drivers' own paces.
    Drivers,
    /// Scores of the forecasts: bins from this one on.
    Scores(u8),
}

impl Topic {
    /// As three numbers: which kind, its place in it, its period.
    #[must_use]
    pub const fn code(self) -> (u8, u32, u8) {
        match self {
            Self::Link(link, period) => (0, link.0, period),
            Self::Class(class, period) => (1, class as u32, period),
            Self::Drivers => (2, 0, 0),
            Self::Scores(first) => (3, first as u32, 0),
        }
    }

    /// From the three numbers; what they do not name is a place beyond every table.
    #[must_use]
    pub fn from_code(kind: u8, place: u32, period: u8) -> Self {
        let small = u8::try_from(place).unwrap_or(u8::MAX);
        match kind {
            0 => Self::Link(LinkId(place), period),
            1 => Self::Class(small, period),
            2 => Self::Drivers,
            _ => Self::Scores(small),
        }
    }
}

/// One piece of what was learned, small enough to be an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lesson {
    /// Where it belongs.
    pub topic: Topic,
    /// The weights of its sketch, or the counts of the scores.
    pub weights: [u16; BINS],
}

/// All that was learned.
#[derive(Clone, Debug)]
pub struct Learned {
    links: Vec<Sketch>,
    classes: Vec<Sketch>,
    drivers: Sketch,
    scores: Scores,
    prior_sd_permille: i64,
    revision: u32,
    windows: Windows,
    /// Quantiles of the scores at `RISKS_PPM`, and the late one.
    early_milli: [i64; RISKS_PPM.len()],
    late_milli: i64,
}

/// Risks whose quantiles are kept ready, millionths, falling.
const RISKS_PPM: [u64; 12] =
    [500_000, 300_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200];
/// A vehicle is waited for until all but this share have come, millionths.
const LATE_PPM: u64 = 990_000;

/// Windows that were promised to vehicles, and those that held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Windows {
    /// Signals that were timed by a window and reached without hindrance or with the driver braking for red.
    pub judged: u64,
    /// Those at which the vehicle did not arrive before the window.
    pub kept: u64,
}

impl Learned {
    /// Nothing learned yet; `prior_sd_permille` is the model's spread of a stretch.
    #[must_use]
    pub fn new(network: &Network, prior_sd_permille: i64) -> Self {
        let mut learned = Self {
            links: vec![Sketch::default(); network.links.len() * PERIODS],
            classes: vec![Sketch::default(); CLASSES * PERIODS],
            drivers: Sketch::default(),
            scores: Scores::default(),
            prior_sd_permille: prior_sd_permille.clamp(10, 1_000),
            revision: 0,
            windows: Windows::default(),
            early_milli: [0; RISKS_PPM.len()],
            late_milli: 0,
        };
        learned.read_scores();
        learned
    }

    /// The standard score, thousandths, below which an arrival lies with no more than this risk.
    #[must_use]
    pub fn early_milli(&self, risk_ppm: u64) -> i64 {
        let place = RISKS_PPM.partition_point(|risk| *risk > risk_ppm);
        self.early_milli[place.min(RISKS_PPM.len() - 1)]
    }

    /// The standard score, thousandths, below which all but one in a hundred arrivals lie.
    #[must_use]
    pub fn late_milli(&self) -> i64 {
        self.late_milli
    }

    fn read_scores(&mut self) {
        for (milli, risk) in self.early_milli.iter_mut().zip(RISKS_PPM) {
            *milli = self.scores.quantile(risk);
        }
        self.late_milli = self.scores.quantile(LATE_PPM);
    }

    /// The law of a link in a period.
    #[must_use]
    pub fn pace(&self, network: &Network, link: LinkId, period: Period) -> Pace {
        let prior = (1_000, self.prior_sd_permille * self.prior_sd_permille);
        let class = class(network.link(link)) * PERIODS + period.index();
        let general = mix(prior, self.classes[class].moments(), CLASS_PRIOR);
        let own = self.links.get(link.index() * PERIODS + period.index()).and_then(Sketch::moments);
        let (mean_permille, variance) = mix(general, own, LINK_PRIOR);
        Pace { mean_permille, sd_permille: variance.max(0).cast_unsigned().isqrt().cast_signed() }
    }

    /// Mean and variance of the drivers' paces, in thousandths of the links' law and their square.
    #[must_use]
    pub fn drivers(&self) -> (i64, i64) {
        mix((1_000, DRIVER_SD * DRIVER_SD), self.drivers.moments(), DRIVER_PRIOR)
    }

    /// The law of the forecasts' errors.
    #[must_use]
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// What became of the windows so far.
    #[must_use]
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// Grows whenever a link's law changes: a way worked out before is to be worked out again.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// A link took `ratio_permille` of its free time, the driver's own pace taken out.
    pub(crate) fn observe_link(
        &mut self,
        network: &Network,
        link: LinkId,
        period: Period,
        ratio_permille: u32,
    ) {
        self.classes[class(network.link(link)) * PERIODS + period.index()].observe(ratio_permille);
        if let Some(sketch) = self.links.get_mut(link.index() * PERIODS + period.index()) {
            sketch.observe(ratio_permille);
        }
        self.revision = self.revision.wrapping_add(1);
    }

    pub(crate) fn observe_driver(&mut self, slow_permille: i64) {
        self.drivers.observe(u32::try_from(slow_permille).unwrap_or(0));
    }

    pub(crate) fn observe_window(&mut self, score_milli: i64, kept: bool) {
        self.scores.observe(score_milli);
        self.read_scores();
        self.windows.judged += 1;
        self.windows.kept += u64::from(kept);
    }

    /// Take back what an engine learned before; a lesson about what is not there is left out.
    pub fn recall(&mut self, lesson: &Lesson) {
        let sketch = Sketch::from_weights(lesson.weights);
        let cell = |place: usize, period: u8| place * PERIODS + usize::from(period) % PERIODS;
        match lesson.topic {
            Topic::Link(link, period) => {
                if let Some(own) = self.links.get_mut(cell(link.index(), period)) {
                    *own = sketch;
                }
            }
            Topic::Class(class, period) => {
                if let Some(own) = self.classes.get_mut(cell(usize::from(class), period)) {
                    *own = sketch;
                }
            }
            Topic::Drivers => self.drivers = sketch,
            Topic::Scores(first) => {
                for (n, count) in lesson.weights.iter().enumerate() {
                    self.scores.restore(usize::from(first) + n, u32::from(*count));
                }
                self.read_scores();
            }
        }
        self.revision = self.revision.wrapping_add(1);
    }

    /// Everything learned, piece by piece; what was never seen is left out.
    pub fn lessons(&self) -> impl Iterator<Item = Lesson> {
        let cells = |sketches: &'_ [Sketch], topic: fn(usize, u8) -> Topic| -> Vec<Lesson> {
            let seen = |(n, s): (usize, &Sketch)| {
                let period = u8::try_from(n % PERIODS).unwrap_or(0);
                (s.weight() > 0).then(|| Lesson { topic: topic(n / PERIODS, period), weights: *s.weights() })
            };
            sketches.iter().enumerate().filter_map(seen).collect()
        };
        let link = |n, period| Topic::Link(LinkId(u32::try_from(n).unwrap_or(u32::MAX)), period);
        let class = |n, period| Topic::Class(u8::try_from(n).unwrap_or(u8::MAX), period);
        let drivers = Lesson { topic: Topic::Drivers, weights: *self.drivers.weights() };
        let counts: Vec<u32> = self.scores.counts().collect();
        let scores = counts.chunks(BINS).enumerate().map(|(n, chunk)| {
            let mut weights = [0; BINS];
            for (weight, count) in weights.iter_mut().zip(chunk) {
                *weight = u16::try_from(*count).unwrap_or(u16::MAX);
            }
            Lesson { topic: Topic::Scores(u8::try_from(n * BINS).unwrap_or(u8::MAX)), weights }
        });
        let scores: Vec<Lesson> = scores.collect();
        let known = cells(&self.links, link).into_iter().chain(cells(&self.classes, class));
        known.chain([drivers]).chain(scores).filter(|l| l.weights.iter().any(|weight| *weight > 0))
    }
}

/// The class of a link: six bands of free speed, one lane or more.
fn class(link: &Link) -> usize {
    const UPTO_MM_S: [u32; 5] = [7_000, 9_800, 12_600, 15_400, 19_600];
    UPTO_MM_S.partition_point(|upto| *upto < link.speed_mm_s) * 2 + usize::from(link.lanes > 1)
}

/// Two laws as one: `above` counts as `prior` sixteenths of an observation; the distance between the
/// means is part of the spread.
fn mix(above: (i64, i64), own: Option<Moments>, prior: i64) -> (i64, i64) {
    let Some(own) = own else { return above };
    let all = own.weight + prior;
    let mean = (own.mean_permille * own.weight + above.0 * prior) / all;
    let apart = own.mean_permille - above.0;
    let between = apart * apart * own.weight / all * prior / all;
    (mean, (own.variance * own.weight + above.1 * prior) / all + between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn at(weekday: u8, hour: u16) -> Period {
        Period::of(LocalTime { weekday, minute: hour * 60 })
    }

    #[test]
    fn the_week_has_its_periods() {
        assert_eq!([2, 7, 12, 16, 20, 23].map(|h| at(1, h).index()), [0, 1, 2, 3, 4, 0]);
        assert_eq!([2, 6, 7, 12, 21, 23].map(|h| at(6, h).index()), [0, 0, 5, 5, 5, 0]);
        assert!(Period::of(LocalTime { weekday: 255, minute: u16::MAX }).index() < PERIODS);
    }

    #[test]
    fn a_link_teaches_itself_and_a_little_its_class() {
        let network = corridor(3);
        let mut learned = Learned::new(&network, 80);
        let (peak, night) = (at(0, 8), at(0, 3));
        let pace =
            |learned: &Learned, link, period| learned.pace(&network, LinkId(link), period).mean_permille;
        assert_eq!(pace(&learned, 0, peak), 1_000);
        for _ in 0..40 {
            learned.observe_link(&network, LinkId(0), peak, 1_500);
        }
        let (own, sister) = (pace(&learned, 0, peak), pace(&learned, 1, peak));
        assert!(own > 1_400 && sister > 1_200 && sister < own, "{own} {sister}");
        assert_eq!(pace(&learned, 0, night), 1_000, "another period");
    }

    #[test]
    fn many_observations_narrow_a_link_and_few_leave_it_wide() {
        let network = corridor(1);
        let mut learned = Learned::new(&network, 200);
        let sd = |learned: &Learned| learned.pace(&network, LinkId(0), Period(2)).sd_permille;
        assert_eq!(sd(&learned), 200);
        for n in 0..250 {
            learned.observe_link(&network, LinkId(0), Period(2), if n % 2 == 0 { 960 } else { 1_040 });
        }
        assert!(sd(&learned) < 90, "{}", sd(&learned));
    }

    #[test]
    fn what_was_learned_is_the_same_after_a_restart() {
        let network = corridor(2);
        let mut learned = Learned::new(&network, 80);
        for n in 0..300_u32 {
            learned.observe_link(&network, LinkId(n % 3), Period(u8::try_from(n % 6).unwrap()), 700 + n * 3);
            learned.observe_driver(i64::from(800 + n));
            learned.observe_window(i64::from(n) * 17 - 2_500, n % 9 > 0);
        }
        let mut again = Learned::new(&network, 80);
        learned.lessons().for_each(|lesson| again.recall(&lesson));
        assert_eq!(
            (&again.links, &again.classes, again.drivers),
            (&learned.links, &learned.classes, learned.drivers)
        );
        assert_eq!(again.scores, learned.scores);
    }

    #[test]
    fn a_lesson_about_another_network_harms_nothing() {
        let network = corridor(1);
        let mut learned = Learned::new(&network, 80);
        for topic in [Topic::Link(LinkId(u32::MAX), 200), Topic::Class(255, 255), Topic::Scores(255)] {
            learned.recall(&Lesson { topic, weights: [u16::MAX; BINS] });
        }
        assert_eq!(learned.pace(&network, LinkId(0), Period(0)).mean_permille, 1_000);
    }
}
