//! Programs: columns of a state string that always show the same become signal groups, phases stages.

use std::collections::BTreeMap;
use std::path::Path;

use super::ImportError;
use super::net::Net;
use super::xml::{self, Element};

/// A program of one traffic light.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Program {
    pub(super) kind: String,
    pub(super) offset_s: f64,
    /// Duration in seconds, and what each place shows.
    pub(super) phases: Vec<(f64, Vec<u8>)>,
}

/// A controller as it will stand in the tables.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Controller {
    pub(super) name: String,
    pub(super) at: (f64, f64),
    pub(super) cycle_s: f64,
    pub(super) offset_s: f64,
    pub(super) groups: Vec<Group>,
    /// Start, end, and the groups that are green, from 1.
    pub(super) stages: Vec<(f64, f64, Vec<u8>)>,
    /// Ending group, starting group, from 1; the intergreen of a conflict, `None` where one gives way.
    pub(super) pairs: Vec<(u8, u8, Option<f64>)>,
    /// The group of each movement, by its place in the network's list.
    pub(super) group_of: BTreeMap<usize, (u8, bool)>,
}

/// A signal group: seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Group {
    pub(super) green_min_s: f64,
    pub(super) green_max_s: f64,
    pub(super) yellow_s: f64,
}

/// No phase is longer than this.
const PHASE_S_MAX: f64 = 600.0;
/// No intergreen is longer than this: what lies between two greens then is another stage.
const INTERGREEN_S_MAX: f64 = 10.0;
/// Groups of one controller.
const GROUPS_MAX: usize = clearway_signals::limits::GROUPS_MAX;

/// Programs of an additional file: the last one of a light is the one that runs.
pub(super) fn read_programs(
    path: &Path,
    programs: &mut BTreeMap<String, Program>,
) -> Result<(), ImportError> {
    let mut open = None;
    xml::read(path, |element| read_program_element(element, &mut open, programs))
}

/// Take up `tlLogic` and its phases.
pub(super) fn read_program_element(
    element: &Element,
    open: &mut Option<String>,
    programs: &mut BTreeMap<String, Program>,
) {
    match element.name.as_str() {
        "tlLogic" => {
            let kind = element.get("type").unwrap_or("static").to_owned();
            let offset_s = element.number("offset").unwrap_or(0.0);
            let name = element.text("id");
            programs.insert(name.clone(), Program { kind, offset_s, phases: Vec::new() });
            *open = Some(name);
        }
        "phase" => {
            let Some(program) = open.as_ref().and_then(|name| programs.get_mut(name)) else { return };
            let duration = element.number("duration").or(element.number("minDur")).unwrap_or(0.0);
            // The grid of 100 ms.
            let duration = (duration.clamp(0.0, PHASE_S_MAX) * 10.0).round() / 10.0;
            program.phases.push((duration, element.text("state").into_bytes()));
        }
        _ => {}
    }
}

/// Every light of the network as a controller; `begin_s` is the time at which its clock stands when
/// ours starts.
pub(super) fn controllers(net: &Net, begin_s: f64, left_out: &mut Vec<String>) -> Vec<Controller> {
    let mut places: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, movement) in net.movements.iter().enumerate() {
        if let Some((light, index)) = &movement.signal {
            places.entry(light).or_default().push((number, *index));
        }
    }
    let mut controllers = Vec::new();
    for (light, movements) in places {
        let Some(program) = net.programs.get(light) else {
            left_out.push(format!("light {light}: it has no program"));
            continue;
        };
        match controller(net, light, program, &movements, begin_s) {
            Ok(controller) => controllers.push(controller),
            Err(why) => left_out.push(format!("light {light} ({}): {why}", program.kind)),
        }
    }
    controllers
}

fn is_green(shown: u8) -> bool {
    shown == b'G' || shown == b'g'
}

fn controller(
    net: &Net,
    light: &str,
    program: &Program,
    movements: &[(usize, usize)],
    begin_s: f64,
) -> Result<Controller, &'static str> {
    let cycle_s: f64 = program.phases.iter().map(|(duration, _)| duration).sum();
    if cycle_s < 1.0 {
        return Err("its program has no duration");
    }
    let column = |index: usize| -> Vec<u8> {
        program.phases.iter().map(|(_, state)| state.get(index).copied().unwrap_or(b'r')).collect()
    };
    let mut columns: Vec<Vec<u8>> = Vec::new();
    let mut group_of = BTreeMap::new();
    for &(movement, index) in movements {
        let column = column(index);
        let permitted = column.contains(&b'g');
        let number = columns.iter().position(|known| *known == column).unwrap_or_else(|| {
            columns.push(column);
            columns.len() - 1
        });
        if number >= GROUPS_MAX {
            return Err("it has too many signal groups");
        }
        let group = u8::try_from(number + 1).map_err(|_| "it has too many signal groups")?;
        group_of.insert(movement, (group, permitted));
    }
    if columns.iter().all(|column| !column.iter().copied().any(is_green)) {
        return Err("it is never green");
    }
    let windows: Vec<Vec<(f64, f64)>> = columns.iter().map(|column| greens(program, column)).collect();
    let at = middle(net, movements);
    Ok(Controller {
        name: light.to_owned(),
        at,
        cycle_s,
        offset_s: (program.offset_s - begin_s).rem_euclid(cycle_s),
        groups: columns
            .iter()
            .zip(&windows)
            .map(|(column, windows)| group(program, column, windows))
            .collect(),
        stages: stages(program, &columns),
        pairs: pairs(&columns, &windows, cycle_s),
        group_of,
    })
}

/// Start and length of each green, around the cycle's end too.
fn greens(program: &Program, column: &[u8]) -> Vec<(f64, f64)> {
    let mut windows: Vec<(f64, f64)> = Vec::new();
    let (mut at, mut before) = (0.0, false);
    for ((duration, _), &shown) in program.phases.iter().zip(column) {
        match (is_green(shown), before, windows.last_mut()) {
            (true, true, Some(last)) => last.1 += duration,
            (true, ..) => windows.push((at, *duration)),
            (false, ..) => {}
        }
        before = is_green(shown);
        at += duration;
    }
    // A green at the end runs on into the one at the start.
    if before && windows.len() > 1 && windows[0].0 == 0.0 {
        let first = windows.remove(0);
        if let Some(last) = windows.last_mut() {
            last.1 += first.1;
        }
    }
    windows
}

fn group(program: &Program, column: &[u8], windows: &[(f64, f64)]) -> Group {
    let yellow = |(index, &shown): (usize, &u8)| {
        let before = column[(index + column.len() - 1) % column.len()];
        (shown == b'y' && is_green(before)).then(|| program.phases[index].0)
    };
    let yellow_s = column.iter().enumerate().filter_map(yellow).fold(f64::INFINITY, f64::min);
    let lengths = || windows.iter().map(|(_, length)| *length);
    let shortest = lengths().fold(f64::INFINITY, f64::min);
    Group {
        green_min_s: if shortest.is_finite() { shortest.min(5.0) } else { 5.0 },
        green_max_s: lengths().fold(5.0, f64::max),
        yellow_s: if yellow_s.is_finite() { yellow_s } else { 0.0 },
    }
}

fn stages(program: &Program, columns: &[Vec<u8>]) -> Vec<(f64, f64, Vec<u8>)> {
    let mut stages = Vec::new();
    let mut at = 0.0;
    for (index, (duration, _)) in program.phases.iter().enumerate() {
        let green = (1_u8..).zip(columns).filter(|(_, column)| is_green(column[index]));
        let groups: Vec<u8> = green.map(|(number, _)| number).collect();
        if !groups.is_empty() && *duration > 0.0 {
            stages.push((at, at + duration, groups));
        }
        at += duration;
    }
    stages
}

/// Groups that are never green together conflict; of two that are, one may have to give way.
fn pairs(columns: &[Vec<u8>], windows: &[Vec<(f64, f64)>], cycle_s: f64) -> Vec<(u8, u8, Option<f64>)> {
    let mut pairs = Vec::new();
    for (from, ending) in (1_u8..).zip(columns) {
        for (to, starting) in (1_u8..).zip(columns) {
            let together = |index: usize| is_green(ending[index]) && is_green(starting[index]);
            let both: Vec<usize> = (0..ending.len()).filter(|&index| together(index)).collect();
            if from == to {
                continue;
            }
            if both.is_empty() {
                let gap = gap(&windows[usize::from(from) - 1], &windows[usize::from(to) - 1], cycle_s);
                pairs.push((from, to, Some(gap.min(INTERGREEN_S_MAX))));
            } else if both.iter().any(|&index| ending[index] != starting[index]) {
                pairs.push((from, to, None));
            }
        }
    }
    pairs
}

/// The shortest time from an end of green of the one to the next start of green of the other.
fn gap(ending: &[(f64, f64)], starting: &[(f64, f64)], cycle_s: f64) -> f64 {
    let ends = ending.iter().map(|(start, length)| start + length);
    let gaps = ends.flat_map(|end| starting.iter().map(move |(start, _)| (start - end).rem_euclid(cycle_s)));
    gaps.fold(INTERGREEN_S_MAX, f64::min)
}

fn middle(net: &Net, movements: &[(usize, usize)]) -> (f64, f64) {
    let ends = movements.iter().filter_map(|&(number, _)| {
        let edge = net.edges.get(&net.movements[number].from)?;
        net.junctions.get(&edge.to)
    });
    let (mut sum, mut count) = ((0.0, 0.0), 0.0);
    for end in ends {
        sum = (sum.0 + end.x, sum.1 + end.y);
        count += 1.0;
    }
    if count > 0.0 { (sum.0 / count, sum.1 / count) } else { sum }
}
