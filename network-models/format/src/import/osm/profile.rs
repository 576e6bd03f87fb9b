//! The defaults that fill what OpenStreetMap does not say.
//!
//! What the groups show and for how long is the national profile's; intergreens after RiLSA
//! (t_z = t_ü + t_r − t_e; vehicle lengths 6 m and 15 m, clearing 10 m/s straight and 7 m/s turning,
//! entering 40 km/h, crossing time 3 s and 2 s).

use clearway_signals::{GroupKind, profile as national};

/// Defaults of one country's practice. Metres, seconds, metres a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Profile {
    /// What signal groups show; its name is written into the model.
    pub national: &'static national::Profile,
    /// Width of a lane.
    pub lane_width_m: f64,
    /// Half of the width that a tram track takes at a crossing.
    pub track_half_width_m: f64,
    /// Least red between the end of yellow and a conflicting green.
    pub red_clearance_min_s: f64,
    /// Clearing speed straight on.
    pub clearing_straight_m_s: f64,
    /// Clearing speed of turning vehicles.
    pub clearing_turning_m_s: f64,
    /// Entering speed.
    pub entering_m_s: f64,
    /// Crossing time t_ü straight on.
    pub crossing_straight_s: f64,
    /// Crossing time t_ü of turning vehicles.
    pub crossing_turning_s: f64,
    /// Length of a motor vehicle.
    pub vehicle_length_m: f64,
    /// Length of a tram.
    pub tram_length_m: f64,
    /// Speed of trams on their track.
    pub tram_speed_m_s: f64,
    /// Where the stop line stands before the junction when nobody mapped it.
    pub stop_line_back_m: f64,
    /// Where detectors lie before the stop line.
    pub detector_m: f64,
    /// The cycle that stages are compared in.
    pub cycle_s: u32,
    /// Cycles that neighbours may have in common; simple crossings may run half of one. Shorter ones than
    /// a city centre really runs would lose less on paper, but leave a stage no room to give way to trams.
    pub common_cycles_s: [u32; 2],
    /// Longer cycles for junctions that no common one serves.
    pub long_cycles_s: [u32; 4],
    /// Streets that carry at least this many vehicles an hour join controllers to an area.
    pub arterial_per_h: f64,
    /// Vehicles that a lane discharges in an hour of green.
    pub saturation_per_h: f64,
    /// Trams that a track discharges in an hour of green: one in twelve seconds.
    pub tram_saturation_per_h: f64,
    /// People in a motor vehicle.
    pub persons_per_car: f64,
    /// People in a tram.
    pub persons_per_tram: f64,
    /// People who walk over a crossing in an hour.
    pub walkers_per_h: f64,
    /// Speed that offsets follow.
    pub progression_m_s: f64,
    /// Seconds between trams of one line.
    pub headway_s: f64,
}

/// What a Finnish city centre would expect.
pub const FI_DEFAULT: Profile = Profile {
    national: &national::FI_DEFAULT,
    lane_width_m: 3.25,
    track_half_width_m: 1.5,
    red_clearance_min_s: 1.0,
    clearing_straight_m_s: 10.0,
    clearing_turning_m_s: 7.0,
    entering_m_s: 40.0 / 3.6,
    crossing_straight_s: 3.0,
    crossing_turning_s: 2.0,
    vehicle_length_m: 6.0,
    tram_length_m: 15.0,
    tram_speed_m_s: 8.3,
    stop_line_back_m: 8.0,
    detector_m: 40.0,
    cycle_s: 90,
    common_cycles_s: [90, 100],
    long_cycles_s: [110, 120, 130, 140],
    arterial_per_h: 300.0,
    saturation_per_h: 1800.0,
    tram_saturation_per_h: 300.0,
    persons_per_car: 1.3,
    persons_per_tram: 60.0,
    walkers_per_h: 150.0,
    progression_m_s: 30.0 / 3.6,
    headway_s: 600.0,
};

impl Profile {
    /// The defaults with the signals of another country.
    #[must_use]
    pub fn of(national: &'static national::Profile) -> Self {
        Self { national, ..FI_DEFAULT }
    }

    /// Shortest green, or walk.
    pub fn min_green_s(&self, kind: GroupKind) -> f64 {
        self.national.group(kind, 0, 0).min_green.as_s()
    }

    /// Yellow after a green of traffic that may drive so fast.
    pub fn yellow_s(&self, kind: GroupKind, speed_m_s: f64) -> f64 {
        self.national.group(kind, km_h(speed_m_s), 0).yellow.as_s()
    }

    /// Red with yellow before a green.
    pub fn red_yellow_s(&self, kind: GroupKind) -> f64 {
        self.national.group(kind, 0, 0).red_yellow.as_s()
    }

    /// Least red between the end of yellow and a conflicting green.
    pub fn red_clearance_s(&self) -> f64 {
        self.red_clearance_min_s.max(self.national.red_clearance.as_s())
    }

    /// Walking speed.
    pub fn walking_m_s(&self) -> f64 {
        f64::from(self.national.walking_speed_mm_s) / 1000.0
    }

    /// Speed limit where none is mapped, metres a second.
    pub fn speed_m_s(&self, highway: &str) -> f64 {
        let km_h = match highway {
            "motorway" => 100.0,
            "trunk" => 80.0,
            "primary" | "primary_link" | "secondary" | "secondary_link" => 40.0,
            "living_street" => 20.0,
            _ => 30.0,
        };
        km_h / 3.6
    }

    /// Lanes in one direction where none are mapped.
    pub fn lanes(&self, highway: &str, one_way: bool) -> u8 {
        match highway {
            "motorway" | "trunk" | "primary" if one_way => 2,
            _ => 1,
        }
    }

    /// Flow of a lane of this class, vehicles an hour.
    pub fn flow_per_h(&self, highway: &str) -> f64 {
        match highway {
            "motorway" | "trunk" | "primary" => 400.0,
            "primary_link" | "secondary" | "secondary_link" => 300.0,
            "tertiary" | "tertiary_link" => 200.0,
            _ => 100.0,
        }
    }
}

/// A speed limit in whole kilometres an hour: a model rounds it, and no sign says 51.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn km_h(speed_m_s: f64) -> u16 {
    (speed_m_s * 3.6).round() as u16
}
