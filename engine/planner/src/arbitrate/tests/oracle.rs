//! Two oracles: a mixed-integer program, and every choice tried with plain Bellman-Ford.

use clearway_signals::GroupId;
use good_lp::{Expression, ProblemVariables, Solution, SolverModel, Variable, constraint, microlp, variable};

use super::model::Model;
use crate::arbitrate::Request;

/// Large against every time of an instance, seconds.
const BIG: f64 = 2_000.0;

pub fn seconds(ms: i64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let ms = ms as f64;
    ms / 1000.0
}

/// The greens that a request may choose from.
pub fn choices(model: &Model, group: GroupId, most: usize) -> Vec<(usize, usize)> {
    let greens = model.greens.iter().filter(|green| green.0 == group);
    greens.take(most).map(|green| (green.1, green.2)).collect()
}

/// The least weighted delay in weight × milliseconds, by a mixed-integer program; `None` when there
/// is no solution.
pub fn least_cost(model: &Model, requests: &[Request], most: usize) -> Option<f64> {
    let mut vars = ProblemVariables::new();
    let mut rules = Vec::new();
    let at = instants(model, &mut vars, &mut rules);
    let (cost, _) = serve(model, requests, most, &at, &mut vars, &mut rules);
    let solution = vars.minimise(cost.clone()).using(microlp).with_all(rules).solve().ok()?;
    Some(solution.eval(cost) * 1000.0)
}

/// The greatest sum of latest less earliest starts over all greens, among the choices that cost no
/// more than `cost` (weight × milliseconds); in milliseconds.
pub fn most_flexible(model: &Model, requests: &[Request], most: usize, cost: i64) -> Option<f64> {
    let mut vars = ProblemVariables::new();
    let mut rules = Vec::new();
    let left = instants(model, &mut vars, &mut rules);
    let right = instants(model, &mut vars, &mut rules);
    let (total, chosen) = serve(model, requests, most, &left, &mut vars, &mut rules);
    rules.push(constraint!(total <= seconds(cost) + 1e-7));
    for (request, (delay, options)) in requests.iter().zip(&chosen) {
        for ((start, end), option) in choices(model, request.group, most).into_iter().zip(options) {
            hold(request, (right[start], right[end]), *option, *delay, &mut rules);
        }
    }
    let between = |green: &(GroupId, usize, usize)| right[green.1] - left[green.1];
    let flexibility: Expression = model.greens.iter().map(between).sum();
    let solution = vars.maximise(flexibility.clone()).using(microlp).with_all(rules).solve().ok()?;
    Some(solution.eval(flexibility) * 1000.0)
}

/// One variable for each instant, with every gap and every cap.
fn instants(
    model: &Model,
    vars: &mut ProblemVariables,
    rules: &mut Vec<good_lp::Constraint>,
) -> Vec<Variable> {
    let at: Vec<Variable> = (0..model.instants)
        .map(|i| vars.add(variable().min(0.0).max(if i == 0 { 0.0 } else { BIG })))
        .collect();
    for (later, earlier, gap) in &model.gaps {
        rules.push(constraint!(at[*later] - at[*earlier] >= seconds(*gap)));
    }
    for (barrier, limits) in &model.caps {
        let first = vars.add(variable().binary());
        let [(a, x), (b, y)] = *limits;
        rules.push(constraint!(at[*barrier] <= at[a] + seconds(x) + BIG * (1.0 - first)));
        rules.push(constraint!(at[*barrier] <= at[b] + seconds(y) + BIG * first));
    }
    at
}

type Chosen = Vec<(Variable, Vec<Variable>)>;

/// Each request is given one green or stays unserved; the cost in weight × seconds.
fn serve(
    model: &Model,
    requests: &[Request],
    most: usize,
    at: &[Variable],
    vars: &mut ProblemVariables,
    rules: &mut Vec<good_lp::Constraint>,
) -> (Expression, Chosen) {
    let mut cost = Expression::from(0.0);
    let mut chosen = Vec::new();
    for request in requests {
        let delay = vars.add(variable().min(0.0));
        let mut one = Expression::from(0.0);
        let mut options = Vec::new();
        for (start, end) in choices(model, request.group, most) {
            let option = vars.add(variable().binary());
            hold(request, (at[start], at[end]), option, delay, rules);
            one += option;
            options.push(option);
        }
        let weight = f64::from(request.weight);
        cost += weight * delay;
        if let Some(charged) = request.unserved {
            let unserved = vars.add(variable().binary());
            one += unserved;
            cost += weight * seconds(charged.0) * unserved;
        }
        rules.push(constraint!(one == 1.0));
        chosen.push((delay, options));
    }
    (cost, chosen)
}

/// If `option`, the green serves the request with no more than `delay`.
fn hold(
    request: &Request,
    (start, end): (Variable, Variable),
    option: Variable,
    delay: Variable,
    rules: &mut Vec<good_lp::Constraint>,
) {
    let (early, late) = (seconds(request.early.0), seconds(request.late.0));
    rules.push(constraint!(delay >= start - early - BIG * (1.0 - option)));
    rules.push(constraint!(end >= late - BIG * (1.0 - option)));
    rules.push(constraint!(end - start >= late - early - BIG * (1.0 - option)));
}

/// The least weighted delay by trying every choice, in weight × milliseconds.
pub fn least_cost_of_all(model: &Model, requests: &[Request], most: usize) -> Option<i64> {
    let options: Vec<Vec<(usize, usize)>> =
        requests.iter().map(|request| choices(model, request.group, most)).collect();
    let mut picked = vec![0; requests.len()];
    let mut best = None;
    loop {
        for caps in 0..1_usize << model.caps.len() {
            let cost = cost_of(model, requests, &options, &picked, caps);
            best = [best, cost].into_iter().flatten().min();
        }
        let Some(next) = (0..picked.len()).find(|&r| picked[r] < options[r].len()) else { return best };
        picked[next] += 1;
        picked[..next].fill(0);
    }
}

/// The cost of one choice; the index after a request's last green stands for "unserved".
fn cost_of(
    model: &Model,
    requests: &[Request],
    options: &[Vec<(usize, usize)>],
    picked: &[usize],
    caps: usize,
) -> Option<i64> {
    let mut gaps = model.gaps.clone();
    let mut cost = 0;
    for (request, (options, picked)) in requests.iter().zip(options.iter().zip(picked)) {
        match options.get(*picked) {
            Some((start, end)) => {
                gaps.push((*end, 0, request.late.0));
                gaps.push((*end, *start, (request.late - request.early).0));
            }
            None => cost += i64::from(request.weight) * request.unserved?.0,
        }
    }
    for (k, (barrier, limits)) in model.caps.iter().enumerate() {
        let (node, allowed) = limits[caps >> k & 1];
        gaps.push((node, *barrier, -allowed));
    }
    let at = longest_paths(model.instants, &gaps)?;
    for (request, (options, picked)) in requests.iter().zip(options.iter().zip(picked)) {
        if let Some((start, _)) = options.get(*picked) {
            cost += i64::from(request.weight) * (at[*start] - request.early.0).max(0);
        }
    }
    Some(cost)
}

/// Bellman-Ford, without any wit.
fn longest_paths(instants: usize, gaps: &[(usize, usize, i64)]) -> Option<Vec<i64>> {
    let mut at = vec![0; instants];
    for _ in 0..=instants {
        let mut changed = false;
        for (later, earlier, gap) in gaps {
            if at[*earlier] + gap > at[*later] {
                at[*later] = at[*earlier] + gap;
                changed = true;
            }
        }
        if at[0] > 0 {
            return None;
        }
        if !changed {
            return Some(at);
        }
    }
    None
}
