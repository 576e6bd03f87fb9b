//! National profiles: what a signal group shows and for how long, where a site says nothing else.
//!
//! Data, never law in code: a site's own values always win, and every value names its source. Values
//! whose source could not be read are marked as such in [`Profile::sources`]; take them from the
//! authority's own documents before a real site is configured.

use crate::group::{GroupKind, SignalGroup};
use crate::units::Millis;

/// Yellow of motor traffic up to a speed limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct YellowUpTo {
    /// The speed limit, kilometres an hour.
    pub speed_km_h: u16,
    /// The yellow.
    pub yellow: Millis,
}

/// The defaults of a country or a guideline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Its name in `model.toml`.
    pub name: &'static str,
    /// Yellow by speed limit, ascending; the last one holds beyond.
    pub yellows: &'static [YellowUpTo],
    /// Red with yellow before green of motor traffic; zero where there is none.
    pub red_yellow: Millis,
    /// Red clearance after yellow where phases have one of their own; zero where the intergreen matrix
    /// holds it.
    pub red_clearance: Millis,
    /// Minimum green of motor traffic.
    pub min_green: Millis,
    /// Minimum green of trams.
    pub min_green_tram: Millis,
    /// Minimum walk.
    pub min_walk: Millis,
    /// What trams and bicycles show instead of yellow.
    pub ending_tram: Millis,
    /// Speed at which a crossing is cleared, millimetres a second.
    pub walking_speed_mm_s: u32,
    /// Longest cycle.
    pub cycle_max: Millis,
    /// Where the values come from.
    pub sources: &'static str,
}

const fn up_to(speed_km_h: u16, yellow_ms: i64) -> YellowUpTo {
    YellowUpTo { speed_km_h, yellow: Millis(yellow_ms) }
}

/// Germany, RiLSA.
pub const DE_RILSA: Profile = Profile {
    name: "de-rilsa",
    yellows: &[up_to(50, 3_000), up_to(60, 4_000), up_to(70, 5_000)],
    red_yellow: Millis(1_000),
    red_clearance: Millis::ZERO,
    min_green: Millis(5_000),
    min_green_tram: Millis(5_000),
    min_walk: Millis(5_000),
    ending_tram: Millis(3_000),
    walking_speed_mm_s: 1_200,
    cycle_max: Millis(120_000),
    sources: "VwV-StVO on section 37 (yellow, red-yellow); RiLSA (minimum green, walking speed 1.2 m/s, \
              cycle: not read at the source)",
};

/// France, interministerial instruction on road signing, part 6.
pub const FR_IISR: Profile = Profile {
    name: "fr-iisr",
    yellows: &[up_to(50, 3_000), up_to(90, 5_000)],
    red_yellow: Millis::ZERO,
    red_clearance: Millis::ZERO,
    min_green: Millis(6_000),
    min_green_tram: Millis(6_000),
    min_walk: Millis(6_000),
    ending_tram: Millis(3_000),
    walking_speed_mm_s: 1_000,
    cycle_max: Millis(120_000),
    sources: "IISR part 6 and Cerema's guide (not read at the source)",
};

/// United States, NEMA controllers under the MUTCD.
pub const US_NEMA: Profile = Profile {
    name: "us-nema",
    // Y = t + v / 2a with t = 1 s, a = 3.05 m/s², up to the next tenth, 3 s at least (MUTCD: 3 to 6 s).
    yellows: &[up_to(40, 3_000), up_to(48, 3_200), up_to(56, 3_600), up_to(64, 4_000), up_to(72, 4_300)],
    red_yellow: Millis::ZERO,
    red_clearance: Millis(1_000),
    min_green: Millis(5_000),
    min_green_tram: Millis(5_000),
    min_walk: Millis(7_000),
    ending_tram: Millis(3_000),
    walking_speed_mm_s: 1_067,
    cycle_max: Millis(180_000),
    sources: "MassDOT memorandum on NCHRP 731 and MUTCD (yellow, 3 to 6 s); walk 7 s and 3.5 ft/s, minimum \
              green, red clearance: Signal Timing Manual (not read at the source)",
};

/// Finland: what the shipped Helsinki model is generated with.
pub const FI_DEFAULT: Profile = Profile {
    name: "fi-default",
    yellows: &[up_to(60, 3_000), up_to(70, 4_000), up_to(80, 5_000)],
    red_yellow: Millis(1_000),
    red_clearance: Millis::ZERO,
    min_green: Millis(5_000),
    min_green_tram: Millis(5_000),
    min_walk: Millis(6_000),
    ending_tram: Millis(3_000),
    walking_speed_mm_s: 1_200,
    cycle_max: Millis(120_000),
    sources: "defaults of this project after RiLSA's method; no Finnish guideline was read",
};

/// All of them.
pub const PROFILES: [Profile; 4] = [DE_RILSA, FR_IISR, US_NEMA, FI_DEFAULT];

impl Profile {
    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// The yellow of motor traffic at a speed limit.
    #[must_use]
    pub fn yellow(&self, speed_km_h: u16) -> Millis {
        let fits = self.yellows.iter().find(|row| speed_km_h <= row.speed_km_h);
        fits.or(self.yellows.last()).map_or(Millis::ZERO, |row| row.yellow)
    }

    /// The time to clear a crossing, up to whole seconds.
    #[must_use]
    pub fn clearance(&self, crossing_mm: u32) -> Millis {
        let seconds = crossing_mm.div_ceil(self.walking_speed_mm_s.max(1));
        Millis::from_s(i64::from(seconds))
    }

    /// A signal group as the profile has it: motor traffic by the speed limit, pedestrians by the length of
    /// their crossing.
    #[must_use]
    pub fn group(&self, kind: GroupKind, speed_km_h: u16, crossing_mm: u32) -> SignalGroup {
        let none = Millis::ZERO;
        let (min_green, yellow, clearance, red_yellow) = match kind {
            GroupKind::Vehicle => (self.min_green, self.yellow(speed_km_h), none, self.red_yellow),
            GroupKind::Tram | GroupKind::Bicycle => (self.min_green_tram, self.ending_tram, none, none),
            GroupKind::Pedestrian => (self.min_walk, none, self.clearance(crossing_mm), none),
        };
        SignalGroup { kind, min_green, yellow, clearance, red_yellow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_keeps_the_lawful_ranges() {
        for profile in &PROFILES {
            let name = profile.name;
            assert_eq!(Profile::named(name), Some(profile));
            assert!(profile.yellows.windows(2).all(|w| w[0].speed_km_h < w[1].speed_km_h), "{name}");
            assert!(profile.yellows.windows(2).all(|w| w[0].yellow <= w[1].yellow), "{name}");
            let lawful = |row: &YellowUpTo| (3_000..=6_000).contains(&row.yellow.0);
            assert!(profile.yellows.iter().all(lawful), "{name}");
            assert!(profile.min_green >= Millis(4_000) && profile.min_walk >= Millis(4_000), "{name}");
            assert!((900..=1_250).contains(&profile.walking_speed_mm_s), "{name}");
            assert!(!profile.sources.is_empty(), "{name}");
        }
    }

    #[test]
    fn us_yellows_follow_their_formula() {
        for row in US_NEMA.yellows {
            // t + v / 2a in milliseconds, with v in mm/s: v / 2a = v / 6.1 per mm/s.
            let speed_mm_s = i64::from(row.speed_km_h) * 1_000_000 / 3_600;
            let exact = 1_000 + speed_mm_s * 10 / 61;
            assert!(row.yellow.0 >= exact.max(3_000), "{row:?}, {exact}");
            assert!(row.yellow.0 < exact.max(3_000) + 100, "{row:?}, {exact}");
        }
    }

    #[test]
    fn a_crossing_is_cleared_at_walking_speed() {
        assert_eq!(DE_RILSA.clearance(12_000), Millis::from_s(10));
        assert_eq!(FR_IISR.clearance(12_100), Millis::from_s(13));
        let walk = US_NEMA.group(GroupKind::Pedestrian, 50, 16_000);
        assert_eq!((walk.min_green, walk.clearance), (Millis::from_s(7), Millis::from_s(15)));
    }

    #[test]
    fn yellow_rises_with_the_speed_limit_and_holds_beyond_the_table() {
        assert_eq!(DE_RILSA.yellow(30), Millis::from_s(3));
        assert_eq!(DE_RILSA.yellow(60), Millis::from_s(4));
        assert_eq!(DE_RILSA.yellow(100), Millis::from_s(5));
    }
}
