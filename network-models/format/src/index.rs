//! The rows of a model by id and by controller, as the checks and the compiler look them up.

use std::collections::HashMap;

use crate::model::{GroupPair, Model, SignalGroupRow};

/// The signal group that a movement obeys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signal {
    /// Row of `signal_controller`.
    pub(crate) controller: usize,
    /// Number of the group, from 1.
    pub(crate) group_num: u8,
}

/// Rows of one controller, by table.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Rows of `signal_group`, in the order of their numbers.
    pub(crate) groups: Vec<usize>,
    pub(crate) overlaps: Vec<usize>,
    /// Rows of `group_pair` by ending and starting group.
    pub(crate) pairs: HashMap<(u8, u8), usize>,
    pub(crate) plans: Vec<usize>,
    pub(crate) requests: Vec<usize>,
    pub(crate) detectors: Vec<usize>,
    /// Row of `controller_link`.
    pub(crate) link: Option<usize>,
}

/// Where everything is. Of rows with the same id the first counts; rows that refer to nothing are
/// left out.
pub(crate) struct Index<'m> {
    pub(crate) model: &'m Model,
    pub(crate) nodes: HashMap<&'m str, usize>,
    pub(crate) links: HashMap<&'m str, usize>,
    pub(crate) geometries: HashMap<&'m str, usize>,
    pub(crate) movements: HashMap<&'m str, usize>,
    pub(crate) controllers: HashMap<&'m str, usize>,
    pub(crate) plans: HashMap<&'m str, usize>,
    pub(crate) phases: HashMap<&'m str, usize>,
    pub(crate) sites: Vec<Site>,
    /// Rows of `stage` for each plan, in the order of their numbers.
    pub(crate) stages: Vec<Vec<usize>>,
    /// By row of `movement`.
    pub(crate) signals: Vec<Option<Signal>>,
}

fn by_id<T>(rows: &[T], id: impl Fn(&T) -> &str) -> HashMap<&str, usize> {
    let mut found = HashMap::with_capacity(rows.len());
    for (row, value) in rows.iter().enumerate() {
        found.entry(id(value)).or_insert(row);
    }
    found
}

impl<'m> Index<'m> {
    pub(crate) fn of(model: &'m Model) -> Self {
        let mut index = Self {
            model,
            nodes: by_id(&model.nodes, |row| &row.node_id),
            links: by_id(&model.links, |row| &row.link_id),
            geometries: by_id(&model.geometries, |row| &row.geometry_id),
            movements: by_id(&model.movements, |row| &row.mvmt_id),
            controllers: by_id(&model.controllers, |row| &row.controller_id),
            plans: by_id(&model.timing_plans, |row| &row.timing_plan_id),
            phases: by_id(&model.timing_phases, |row| &row.timing_phase_id),
            sites: model.controllers.iter().map(|_| Site::default()).collect(),
            stages: vec![Vec::new(); model.timing_plans.len()],
            signals: vec![None; model.movements.len()],
        };
        index.fill_sites();
        index.fill_stages();
        index.fill_signals();
        index
    }

    fn fill_sites(&mut self) {
        let model = self.model;
        macro_rules! fill {
            ($table:ident, $row:ident, $site:ident => $place:expr) => {
                for ($row, value) in model.$table.iter().enumerate() {
                    if let Some(&controller) = self.controllers.get(value.controller_id.as_str()) {
                        let $site = &mut self.sites[controller];
                        $place;
                    }
                }
            };
        }
        fill!(groups, row, site => site.groups.push(row));
        fill!(overlaps, row, site => site.overlaps.push(row));
        fill!(timing_plans, row, site => site.plans.push(row));
        fill!(request_bindings, row, site => site.requests.push(row));
        fill!(detectors, row, site => site.detectors.push(row));
        fill!(controller_links, row, site => site.link = site.link.or(Some(row)));
        fill!(group_pairs, row, site => {
            let pair = &model.group_pairs[row];
            site.pairs.entry((pair.from_group, pair.to_group)).or_insert(row)
        });
        for site in &mut self.sites {
            site.groups.sort_by_key(|&row| model.groups[row].group_num);
        }
    }

    fn fill_stages(&mut self) {
        for (row, stage) in self.model.stages.iter().enumerate() {
            if let Some(&plan) = self.plans.get(stage.timing_plan_id.as_str()) {
                self.stages[plan].push(row);
            }
        }
        for stages in &mut self.stages {
            stages.sort_by_key(|&row| self.model.stages[row].stage_num);
        }
    }

    /// A movement obeys the group that protects it, else the first that rules it.
    fn fill_signals(&mut self) {
        let mut protected = vec![false; self.signals.len()];
        for row in &self.model.phase_movements {
            let (Some(&movement), Some(signal)) =
                (self.movements.get(row.mvmt_id.as_str()), self.signal_of_phase(&row.timing_phase_id))
            else {
                continue;
            };
            let protects = row.protection == "protected";
            if self.signals[movement].is_none() || protects && !protected[movement] {
                self.signals[movement] = Some(signal);
                protected[movement] = protects;
            }
        }
    }

    /// The controller and group of a row of `signal_timing_phase`.
    pub(crate) fn signal_of_phase(&self, timing_phase_id: &str) -> Option<Signal> {
        let phase = &self.model.timing_phases[*self.phases.get(timing_phase_id)?];
        let plan = &self.model.timing_plans[*self.plans.get(phase.timing_plan_id.as_str())?];
        let controller = *self.controllers.get(plan.controller_id.as_str())?;
        Some(Signal { controller, group_num: phase.signal_phase_num })
    }

    /// The group of a controller by its number.
    pub(crate) fn group(&self, controller: usize, number: u8) -> Option<&'m SignalGroupRow> {
        let site = &self.sites[controller];
        let found = site.groups.iter().find(|&&row| self.model.groups[row].group_num == number)?;
        Some(&self.model.groups[*found])
    }

    /// The pair of an ending and a starting group.
    pub(crate) fn pair(&self, controller: usize, from: u8, to: u8) -> Option<&'m GroupPair> {
        self.sites[controller].pairs.get(&(from, to)).map(|&row| &self.model.group_pairs[row])
    }

    /// Whether two groups may never be green together.
    pub(crate) fn conflict(&self, controller: usize, a: u8, b: u8) -> bool {
        let either = |from, to| self.pair(controller, from, to).is_some_and(|p| p.relation == "conflict");
        a != b && (either(a, b) || either(b, a))
    }

    /// Who may make a movement: what it says itself, else whoever may use both links.
    pub(crate) fn movement_uses(&self, row: usize) -> clearway_network::Uses {
        let movement = &self.model.movements[row];
        if !movement.allowed_uses.is_empty() {
            return crate::units::uses(&movement.allowed_uses);
        }
        let of = |id: &str| {
            self.links.get(id).map_or(0, |&l| crate::units::uses(&self.model.links[l].allowed_uses).0)
        };
        clearway_network::Uses(of(&movement.ib_link_id) & of(&movement.ob_link_id))
    }

    /// Paths of a row of `request_binding`, as the ids that it lists.
    pub(crate) fn paths(&self, request: usize) -> impl Iterator<Item = Vec<&'m str>> {
        let paths = self.model.request_bindings[request].paths.as_str();
        paths
            .split('|')
            .map(|path| path.split_whitespace().collect::<Vec<_>>())
            .filter(|path| !path.is_empty())
    }
}
