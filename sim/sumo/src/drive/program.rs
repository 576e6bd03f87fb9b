//! What SUMO says of its lights.

use clearway_signals::Millis;

use super::light::{Program, Times};
use crate::steer::site::is_green;
use crate::steer::{EdgeId, Head, Phase};
use crate::traci::Value;

/// A program as SUMO runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// What runs it.
    pub kind: Program,
    /// The phases.
    pub phases: Vec<Phase>,
    /// The shortest time that each phase is shown.
    pub min_durations: Vec<Millis>,
}

/// Find the running program among all of a light.
///
/// # Errors
/// Why the light is left alone, for people.
pub fn running(definition: &Value, name: &str) -> Result<Running, String> {
    let Value::Compound(programs) = definition else { return Err("its programs cannot be read".into()) };
    let program = programs.iter().find_map(|program| match program {
        Value::Compound(fields) => match fields.as_slice() {
            [Value::Text(id), Value::Int(kind), _, Value::Compound(phases), ..] if id == name => {
                Some((*kind, phases))
            }
            _ => None,
        },
        _ => None,
    });
    let (kind, phases) = program.ok_or("it runs no program (switched off, or set from outside)")?;
    let kind = match kind {
        0 => Program::Static,
        3 | 5 => Program::Actuated,
        4 => Program::Nema,
        1 => return Err("a rail signal protects a block and is never asked".into()),
        2 => return Err("a rail crossing is above every request".into()),
        other => return Err(format!("programs of type {other} are not supported")),
    };
    let (mut states, mut min_durations) = (Vec::new(), Vec::new());
    for phase in phases {
        let Value::Compound(fields) = phase else { return Err("a phase cannot be read".into()) };
        let [Value::Double(duration), Value::Text(state), Value::Double(least), ..] = fields.as_slice()
        else {
            return Err("a phase cannot be read".into());
        };
        states.push(Phase { duration: seconds(*duration), state: state.clone().into_bytes() });
        min_durations.push(seconds(*least));
    }
    if states.is_empty() {
        return Err("its program has no phase".into());
    }
    Ok(Running { name: name.to_owned(), kind, phases: states, min_durations })
}

/// The links of a light; `edge` gives the number of an edge by its name.
pub fn links(controlled: &Value, mut edge: impl FnMut(&str) -> EdgeId) -> Vec<Option<(EdgeId, EdgeId)>> {
    let Value::Compound(items) = controlled else { return Vec::new() };
    let (mut found, mut open) = (Vec::new(), 0);
    for item in items.iter().skip(1) {
        match item {
            Value::Int(n) => {
                open = *n;
                found.push(None);
            }
            Value::Texts(link) if open > 0 => {
                open = 0;
                if let (Some(last), [from, to, ..]) = (found.last_mut(), link.as_slice()) {
                    // Footways over the junction start on edges of the junction's own.
                    *last = (!from.starts_with(':')).then(|| (edge(edge_of(from)), edge(edge_of(to))));
                }
            }
            _ => {}
        }
    }
    found
}

/// The edge of a lane.
#[must_use]
pub fn edge_of(lane: &str) -> &str {
    lane.rsplit_once('_').map_or(lane, |(edge, _)| edge)
}

/// The times that a light keeps: those of its own program where it shows them, never less than 3 s
/// of yellow and 5 s of green; red between two states 2 s where the program has none.
#[must_use]
pub fn times(running: &Running) -> Times {
    let longest = |wanted: fn(&[u8]) -> bool| {
        let those = running.phases.iter().filter(|phase| wanted(&phase.state));
        those.map(|phase| phase.duration).max().unwrap_or(Millis::ZERO)
    };
    let yellow = longest(|state| state.iter().any(|c| matches!(c, b'y' | b'Y')));
    let red = longest(|state| state.iter().all(|c| !is_green(*c) && !matches!(c, b'y' | b'Y')));
    let greens = running.phases.iter().zip(&running.min_durations).filter(|(phase, _)| phase.is_holdable());
    let least = greens.map(|(_, least)| *least).filter(|least| *least > Millis::ZERO).min();
    Times {
        min_green: least.unwrap_or(Millis::ZERO).min(Millis::from_s(15)).max(Millis::from_s(5)),
        yellow: yellow.min(Millis::from_s(8)).max(Millis::from_s(3)),
        all_red: if red > Millis::ZERO { red.min(Millis::from_s(8)) } else { Millis::from_s(2) },
    }
}

/// The light as the engine sees it.
#[must_use]
pub fn head(name: &str, running: &Running, links: Vec<Option<(EdgeId, EdgeId)>>, joined: bool) -> Head {
    Head {
        name: name.to_owned(),
        joined,
        fixed_time: running.kind == Program::Static,
        links,
        phases: running.phases.clone(),
    }
}

#[allow(clippy::cast_possible_truncation)]
fn seconds(value: f64) -> Millis {
    Millis((value.clamp(0.0, 3600.0) * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(kind: i32) -> Value {
        let phase = |duration: f64, state: &str, least: f64| {
            Value::Compound(vec![Value::Double(duration), Value::Text(state.into()), Value::Double(least)])
        };
        let phases = vec![
            phase(30.0, "Gr", 7.0),
            phase(4.0, "yr", 4.0),
            phase(30.0, "rG", 30.0),
            phase(4.0, "ry", 4.0),
        ];
        Value::Compound(vec![Value::Compound(vec![
            Value::Text("0".into()),
            Value::Int(kind),
            Value::Int(0),
            Value::Compound(phases),
            Value::Compound(vec![]),
        ])])
    }

    #[test]
    fn the_running_program_is_found_with_its_own_intergreens() {
        let running = running(&definition(3), "0").unwrap();
        assert_eq!((running.kind, running.phases.len()), (Program::Actuated, 4));
        let times = times(&running);
        assert_eq!(
            (times.min_green, times.yellow, times.all_red),
            (Millis(7_000), Millis(4_000), Millis(2_000))
        );
    }

    #[test]
    fn rail_and_unknown_programs_are_refused_with_a_reason() {
        assert!(running(&definition(1), "0").unwrap_err().contains("rail signal"));
        assert!(running(&definition(2), "0").unwrap_err().contains("crossing"));
        assert!(running(&definition(9), "0").unwrap_err().contains("type 9"));
        assert!(running(&definition(0), "off").unwrap_err().contains("no program"));
    }

    #[test]
    fn links_are_read_by_index_and_footways_are_nobodys() {
        let lane = |name: &str| Value::Texts(vec![format!("{name}_0"), "out_1".into(), ":x_0_0".into()]);
        let controlled = Value::Compound(vec![
            Value::Int(3),
            Value::Int(1),
            lane("a#1"),
            Value::Int(0),
            Value::Int(1),
            lane(":x_w0"),
        ]);
        let mut names = Vec::new();
        let mut edge = |name: &str| {
            names.push(name.to_owned());
            EdgeId(u32::try_from(names.len()).unwrap())
        };
        let found = links(&controlled, &mut edge);
        assert_eq!((found.len(), found[0].is_some(), found[1], found[2]), (3, true, None, None));
        assert_eq!(names, ["a#1", "out"]);
    }
}
