//! A path of the exploration as a picture that a person can read: one line for each group, one column
//! for each step, and what happened beneath.

use std::fmt::Write;

use crate::display::Aspect;
use crate::explore::{Explored, System};
use crate::junction::Junction;
use crate::pairs::{self, Pair};
use crate::rows::RowProof;
use crate::sequencer::Event;
use crate::site::Site;

/// A timeline shows no more columns than this; the last ones.
const COLUMNS_MAX: usize = 150;

/// What the heads show from one step to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Since the beginning, milliseconds.
    pub at_ms: i64,
    /// What each group shows at the end of the instant.
    pub aspects: Vec<Aspect>,
    /// What happened at this instant, in its order.
    pub events: Vec<String>,
}

/// A path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// Names of the groups.
    pub groups: Vec<String>,
    /// Milliseconds from column to column.
    pub step_ms: i64,
    /// The columns.
    pub columns: Vec<Column>,
}

impl Timeline {
    fn new(site: &Site) -> Self {
        let groups = site.ids().map(|group| site.group_name(group)).collect();
        Self { groups, step_ms: site.step.0, columns: Vec::new() }
    }

    fn time(&mut self, aspects: Vec<Aspect>) {
        let at_ms = self.columns.last().map_or(0, |last| last.at_ms + self.step_ms);
        self.columns.push(Column { at_ms, aspects, events: Vec::new() });
    }

    fn event(&mut self, aspects: Vec<Aspect>, event: String) {
        if let Some(last) = self.columns.last_mut() {
            last.aspects = aspects;
            last.events.push(event);
        }
    }

    /// Without what lies more than `before` columns ahead of the last event that begins with `mark`.
    pub(crate) fn cut_before(mut self, mark: &str, before: usize) -> Self {
        let marked = |column: &Column| column.events.iter().any(|event| event.starts_with(mark));
        if let Some(at) = self.columns.iter().rposition(marked) {
            self.columns.drain(..at.saturating_sub(before));
        }
        self.restart_at_zero()
    }

    fn restart_at_zero(mut self) -> Self {
        let excess = self.columns.len().saturating_sub(COLUMNS_MAX);
        self.columns.drain(..excess);
        let zero = self.columns.first().map_or(0, |column| column.at_ms);
        self.columns.iter_mut().for_each(|column| column.at_ms -= zero);
        self
    }

    /// As text: `.` red, `A` red-yellow, `G` green, `Y` yellow, `C` clearance, blank: no light.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let width = self.groups.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
        let scale = self.columns.iter().enumerate().map(|(at, _)| if at % 10 == 0 { '|' } else { ' ' });
        let _ = writeln!(text, "{:>width$}  {}", "10 ×", scale.collect::<String>());
        for (group, name) in self.groups.iter().enumerate() {
            let line = self.columns.iter().map(|column| column.aspects[group].letter());
            let _ = writeln!(text, "{name:>width$}  {}", line.collect::<String>());
        }
        for column in self.columns.iter().filter(|column| !column.events.is_empty()) {
            let at = format!("{}.{} s", column.at_ms / 1000, column.at_ms % 1000 / 100);
            let _ = writeln!(text, "{at:>8}  {}", column.events.join(", then "));
        }
        text
    }
}

/// The timeline of a path of a junction, with a last event that no state follows.
#[must_use]
pub fn of_junction(
    explored: &Explored<'_, Junction<'_>>,
    junction: &Junction<'_>,
    path: &[u32],
    last: Option<usize>,
) -> Timeline {
    let site = junction.sequencer.site;
    let mut timeline = Timeline::new(site);
    let count = site.groups.len();
    let aspects = |state: &crate::sequencer::State| -> Vec<Aspect> {
        state.heads[..count].iter().map(|head| head.aspect).collect()
    };
    timeline.time(aspects(&junction.sequencer.initial()));
    let mut add = |event: Event, after: Vec<Aspect>| match event {
        Event::Time => timeline.time(after),
        _ => timeline.event(after, describe(site, event)),
    };
    for pair in path.windows(2) {
        if let Some(event) = explored.event_between(pair[0], pair[1]) {
            add(event, aspects(&explored.state(pair[1]).0));
        }
    }
    if let (Some(number), Some(&at)) = (last, path.last()) {
        let state = explored.state(at);
        let mut events = Vec::new();
        junction.events(&state, &mut events);
        if let Some(&event) = events.get(number) {
            add(event, aspects(&junction.sequencer.apply(&state.0, event)));
        }
    }
    timeline.restart_at_zero()
}

/// The timeline of a path of a pair of groups, with a last event that no state follows.
#[must_use]
pub fn of_pair(
    explored: &Explored<'_, Pair<'_>>,
    pair: &Pair<'_>,
    site: &Site,
    path: &[u32],
    last: usize,
) -> Timeline {
    let mut timeline = Timeline::new(site);
    let aspects = |state: &pairs::State| pair.display(state).aspects[..site.groups.len()].to_vec();
    timeline.time(aspects(&pair.initial().0));
    let mut add = |event: pairs::Event, after: Vec<Aspect>| match event {
        pairs::Event::Time => timeline.time(after),
        pairs::Event::Restart => timeline.event(after, "the power fails".to_owned()),
        pairs::Event::Want(wanted) => {
            let names: Vec<String> = wanted.iter().map(|group| site.group_name(group)).collect();
            timeline.event(after, format!("wanted green: {}", list(&names)));
        }
    };
    for step in path.windows(2) {
        if let Some(event) = explored.event_between(step[0], step[1]) {
            add(event, aspects(&explored.state(step[1]).0));
        }
    }
    if let Some(&at) = path.last() {
        let (state, _) = explored.state(at);
        let mut events = Vec::new();
        pair.events(&explored.state(at), &mut events);
        if let Some(&event) = events.get(last) {
            add(event, aspects(&pair.next(&state, event)));
        }
    }
    timeline.restart_at_zero()
}

/// The timeline of a path of a request row: what came in, and what became of it.
#[must_use]
pub fn of_row(
    explored: &Explored<'_, RowProof<'_>>,
    site: &Site,
    path: &[u32],
    last: Option<String>,
) -> Timeline {
    let mut timeline = Timeline { groups: Vec::new(), step_ms: site.step.0, columns: Vec::new() };
    timeline.time(Vec::new());
    for step in path.windows(2) {
        let Some(event) = explored.event_between(step[0], step[1]) else { continue };
        if event == crate::rows::Event::Time {
            timeline.time(Vec::new());
        } else {
            let after = explored.system().show(&explored.state(step[1]).0);
            timeline.event(Vec::new(), format!("{event:?}: {after}"));
        }
    }
    if let Some(last) = last {
        timeline.event(Vec::new(), last);
    }
    timeline.restart_at_zero()
}

/// What happens, for people.
fn describe(site: &Site, event: Event) -> String {
    let row = |row: u8| site.preempts.get(usize::from(row)).map_or(0, |row| row.number);
    let crossings = |stage: u8, choice: u8| {
        let set = site.stages.get(usize::from(stage)).and_then(|s| s.choices.get(usize::from(choice)));
        let names: Vec<String> = set.iter().flat_map(|set| set.iter()).map(|g| site.group_name(g)).collect();
        list(&names)
    };
    match event {
        Event::Time => String::new(),
        Event::Call { row: called, waited: false } => format!("row {} is called", row(called)),
        Event::Call { row: called, waited: true } => format!("row {}, called before, is served", row(called)),
        Event::Join { stage, choice } => {
            format!("the plan joins stage {} ({})", stage + 1, crossings(stage, choice))
        }
        Event::Advance { stage, choice } => {
            format!("stage {} begins ({})", stage + 1, crossings(stage, choice))
        }
        Event::Extend => "a tram asks for a longer green".to_owned(),
        Event::Skip { stage } => format!("a tram asks for stage {} out of turn", stage + 1),
        Event::Restart => "the power fails".to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_owned() } else { names.join(" ") }
}
