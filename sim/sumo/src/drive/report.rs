//! SUMO's tripinfo, by class of vehicle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::Serialize;

use super::DriveError;

/// What became of the vehicles of one class. Means over those that arrived; delayed departures count.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClassReport {
    /// Vehicles that departed.
    pub departed: u32,
    /// Vehicles that arrived.
    pub arrived: u32,
    /// Mean time from the planned departure to the arrival.
    pub travel_time_s: f64,
    /// Mean time lost against driving freely.
    pub time_loss_s: f64,
    /// Mean time standing.
    pub waiting_s: f64,
    /// Mean number of stops.
    pub stops: f64,
}

/// Read a tripinfo file; `class_of` names the class of a vehicle by its id.
///
/// # Errors
/// When it cannot be read.
pub fn read(
    path: &Path,
    classes: &BTreeMap<&'static str, BTreeSet<String>>,
) -> Result<BTreeMap<String, ClassReport>, DriveError> {
    let fault = |why: String| DriveError::File { path: path.display().to_string(), why };
    let mut reader = Reader::from_file(path).map_err(|e| fault(e.to_string()))?;
    let (mut buffer, mut sums) = (Vec::new(), BTreeMap::<String, ClassReport>::new());
    loop {
        match reader.read_event_into(&mut buffer).map_err(|e| fault(e.to_string()))? {
            Event::Empty(tag) | Event::Start(tag) if tag.name().as_ref() == b"tripinfo" => {
                let id = attribute(&tag, "id").unwrap_or_default();
                let class =
                    classes.iter().find(|(_, ids)| ids.contains(&id)).map_or("others", |(name, _)| *name);
                add(sums.entry(class.to_owned()).or_default(), &tag);
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    sums.values_mut().for_each(divide);
    Ok(sums)
}

fn add(sum: &mut ClassReport, tag: &BytesStart<'_>) {
    let number = |name: &str| attribute(tag, name).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    sum.departed += 1;
    if number("arrival") < 0.0 {
        return;
    }
    sum.arrived += 1;
    sum.travel_time_s += number("duration") + number("departDelay").max(0.0);
    sum.time_loss_s += number("timeLoss");
    sum.waiting_s += number("waitingTime");
    sum.stops += number("waitingCount");
}

fn divide(sum: &mut ClassReport) {
    let n = f64::from(sum.arrived.max(1));
    for mean in [&mut sum.travel_time_s, &mut sum.time_loss_s, &mut sum.waiting_s, &mut sum.stops] {
        *mean = (*mean / n * 100.0).round() / 100.0;
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).ok().flatten()?;
    Some(value.unescape_value().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_taken_by_class_over_those_that_arrived() {
        let text = r#"<tripinfos>
            <tripinfo id="fire" arrival="90" duration="80" departDelay="2" timeLoss="10" waitingTime="4" waitingCount="1"/>
            <tripinfo id="car" arrival="50" duration="40" departDelay="-1" timeLoss="20" waitingTime="9" waitingCount="3"/>
            <tripinfo id="late" arrival="-1" duration="40" departDelay="0" timeLoss="20" waitingTime="9" waitingCount="3"/>
        </tripinfos>"#;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tripinfo.xml");
        std::fs::write(&path, text).unwrap();
        let classes = BTreeMap::from([("emergency", BTreeSet::from(["fire".to_owned()]))]);
        let found = read(&path, &classes).unwrap();
        assert_eq!((found["emergency"].arrived, found["emergency"].travel_time_s), (1, 82.0));
        assert_eq!((found["others"].departed, found["others"].arrived, found["others"].stops), (2, 1, 3.0));
    }
}
