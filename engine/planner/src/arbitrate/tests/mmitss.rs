//! The model of MMITSS as its solver states it: t, v, g for eight phases over three cycles, barriers
//! as equalities, θ for "not in the first green". Written from the description in planning notes 1.

use good_lp::{Expression, ProblemVariables, Solution, SolverModel, Variable, constraint, microlp, variable};

use super::model::RingCase;
use super::oracle::seconds;
use crate::arbitrate::{Request, RingPosition};

const BIG: f64 = 2_000.0;

/// The least weighted delay in weight × milliseconds; `None` when there is none. Three cycles, of
/// which requests use the first two greens of a phase.
pub fn least_cost(case: &RingCase, requests: &[Request]) -> Option<f64> {
    let mut vars = ProblemVariables::new();
    let mut rules = Vec::new();
    let mut cost = Expression::from(0.0);
    let greens = phases(case, &mut vars, &mut rules);
    for request in requests {
        let of_phase: Vec<(Expression, Variable)> =
            greens.iter().filter(|g| g.0 == request.group.0).map(|g| (g.1.clone(), g.2)).collect();
        let [(t1, g1), (t2, g2), ..] = &of_phase[..] else { return None };
        let (low, high) = (seconds(request.early.0), seconds(request.late.0));
        let delay = vars.add(variable().min(0.0));
        let later = vars.add(variable().binary());
        rules.push(constraint!(delay >= t1.clone() - low - BIG * later));
        rules.push(constraint!(BIG * later >= high - t1.clone() - *g1));
        rules.push(constraint!(*g1 >= (high - low) - BIG * later));
        rules.push(constraint!(delay >= t2.clone() - low - BIG * (1.0 - later)));
        rules.push(constraint!(*g2 >= (high - low) - BIG * (1.0 - later)));
        rules.push(constraint!(t2.clone() + *g2 >= high - BIG * (1.0 - later)));
        cost += f64::from(request.weight) * delay;
    }
    let solution = vars.minimise(cost.clone()).using(microlp).with_all(rules).solve().ok()?;
    Some(solution.eval(cost) * 1000.0)
}

/// Start (a sum of v) and green of every phase that lies ahead, in the order of time.
fn phases(
    case: &RingCase,
    vars: &mut ProblemVariables,
    rules: &mut Vec<good_lp::Constraint>,
) -> Vec<(u8, Expression, Variable)> {
    let mut greens = Vec::new();
    let mut reached = [Expression::from(0.0), Expression::from(0.0)];
    for step in 0..case.groups {
        let group = &case.phases[(case.state.group + step) % case.phases.len()];
        for ring in 0..2 {
            let present = case.state.rings[ring];
            let mut first = 0;
            if let (0, RingPosition::Green { phase, .. } | RingPosition::Starting { phase, .. }) =
                (step, present)
            {
                first = phase;
            }
            for (i, phase) in group[ring].iter().enumerate().skip(first) {
                let (mut min, mut max) = (phase.min_green, phase.max_green);
                match present {
                    RingPosition::Green { min_left, max_left, .. } if step == 0 && i == first => {
                        (min, max) = (min_left, max_left);
                    }
                    RingPosition::Starting { after, .. } if step == 0 && i == first => {
                        reached[ring] += seconds(after.0);
                    }
                    _ => {}
                }
                let green = vars.add(variable().min(seconds(min.0)).max(seconds(max.0)));
                greens.push((phase.group.0, reached[ring].clone(), green));
                reached[ring] += green + seconds(phase.clearance.0);
            }
        }
        rules.push(constraint!(reached[0].clone() == reached[1].clone()));
    }
    greens
}
