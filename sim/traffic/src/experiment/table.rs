//! CSV: trajectories, signals, approaches, missions.

use std::io::{self, Write};

use clearway_network::Network;
use clearway_signals::Millis;

use super::record::Recording;
use super::result::RunResult;
use crate::signals::Aspect;
use crate::vehicle::Class;

/// `time_s,vehicle,class,link,offset_m,speed_m_s`
///
/// # Errors
/// The writer's.
pub fn trajectories(network: &Network, recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "time_s,vehicle,class,link,offset_m,speed_m_s")?;
    for point in &recording.trajectories {
        let class = match point.class {
            Class::Car => "car",
            Class::Tram => "tram",
            Class::Emergency => "emergency",
        };
        writeln!(
            out,
            "{:.1},{},{class},{},{:.2},{:.2}",
            point.at.as_s(),
            point.serial.0,
            cell(&network.link(point.link).name),
            f64::from(point.offset_mm) / 1000.0,
            f64::from(point.speed_mm_s) / 1000.0
        )?;
    }
    Ok(())
}

/// `time_s,controller,group,shows`
///
/// # Errors
/// The writer's.
pub fn signals(network: &Network, recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "time_s,controller,group,shows")?;
    for change in &recording.signals {
        let Some(controller) = network.controller(change.controller) else { continue };
        let group = controller.group_names.get(change.group.index()).map_or("", String::as_str);
        let shows = match change.aspect {
            Aspect::Red => "red",
            Aspect::RedYellow => "red_yellow",
            Aspect::Green => "green",
            Aspect::Yellow => "yellow",
            Aspect::Clearance => "clearance",
            Aspect::Dark => "dark",
        };
        writeln!(out, "{:.1},{},{},{shows}", change.at.as_s(), cell(&controller.name), cell(group))?;
    }
    Ok(())
}

/// `link,street,vehicles,delay_s_mean`
///
/// # Errors
/// The writer's.
pub fn links(network: &Network, run: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "link,street,vehicles,delay_s_mean")?;
    for link in &run.links {
        let data = network.link(link.link);
        let (name, street) = (cell(&data.name), cell(&data.street));
        writeln!(out, "{name},{street},{},{:.2}", link.vehicles, link.delay_s_mean)?;
    }
    Ok(())
}

/// `vehicle,arrived,travel_time_s,free_time_s,stops,signals`
///
/// # Errors
/// The writer's.
pub fn missions(run: &RunResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "vehicle,arrived,travel_time_s,free_time_s,stops,signals")?;
    for mission in &run.missions {
        writeln!(
            out,
            "{},{},{:.1},{:.1},{},{}",
            cell(&mission.name),
            mission.arrived,
            mission.travel_time_s,
            mission.free_time_s,
            mission.stops,
            mission.signals
        )?;
    }
    Ok(())
}

/// `trip,entered_s,left_s`: listed trips, from 0, in the order of their times; empty where it has not
/// happened.
///
/// # Errors
/// The writer's.
pub fn trips(recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "trip,entered_s,left_s")?;
    let seconds = |ms: Option<i64>| ms.map_or(String::new(), |ms| format!("{:.1}", Millis(ms).as_s()));
    for (number, trip) in recording.trips.iter().enumerate() {
        writeln!(out, "{number},{},{}", seconds(trip.entered_ms), seconds(trip.left_ms))?;
    }
    Ok(())
}

/// A cell of CSV (RFC 4180).
fn cell(raw: &str) -> String {
    if raw.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", raw.replace('"', "\"\""))
    } else {
        raw.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!((cell("a b"), cell("a,\"b\"")), ("a b".into(), "\"a,\"\"b\"\"\"".into()));
    }
}
