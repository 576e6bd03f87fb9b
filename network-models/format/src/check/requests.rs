//! Request rows: what they hold green, whom they serve, whom they outrank.

use clearway_signals::Capabilities;
use clearway_signals::limits::{MAX_PRESENCE_MAX, PATH_MOVEMENTS_MAX, ROWS_MAX};

use crate::check::Check;
use crate::check::signals::RULING;
use crate::compile::capabilities;
use crate::fault::{Code, quote};
use crate::model::RequestBinding;
use crate::schema::OWNER_OURS;
use crate::units::{group_id, group_set, millis, numbers};

pub(super) fn check(check: &mut Check<'_, '_>) {
    for controller in 0..check.index.sites.len() {
        let requests = check.index.sites[controller].requests.clone();
        if let Some(&row) = requests.get(ROWS_MAX) {
            let message = format!("row {} of the controller is one too many", ROWS_MAX + 1);
            check.fault::<RequestBinding>(row, "row_num", Code::TooManyRequests, message);
        }
        for &row in &requests {
            if !check.is_good::<RequestBinding>(row) {
                continue;
            }
            let request = &check.model().request_bindings[row];
            check_dwell(check, controller, row, request);
            check_paths(check, controller, row, request);
            if request.owner == OWNER_OURS {
                check_ours(check, controller, row, request);
                check_rank(check, row, request, &requests);
            }
        }
    }
}

fn check_dwell(check: &mut Check<'_, '_>, controller: usize, row: usize, request: &RequestBinding) {
    let groups: Vec<u8> = numbers(&request.dwell_groups).collect();
    for (position, &a) in groups.iter().enumerate() {
        for &b in &groups[position + 1..] {
            if check.index.conflict(controller, a, b) {
                let message = format!("row {}: groups {a} and {b} are in conflict", request.row_num);
                check.fault::<RequestBinding>(row, "dwell_groups", Code::DwellConflict, message);
            }
        }
    }
}

fn check_paths(check: &mut Check<'_, '_>, controller: usize, row: usize, request: &RequestBinding) {
    let mut wrong = Vec::new();
    for path in check.index.paths(row) {
        let known: Option<Vec<usize>> =
            path.iter().map(|id| check.index.movements.get(id).copied()).collect();
        // Unknown movements are reported as unknown references.
        let Some(movements) = known else { continue };
        if path.len() > PATH_MOVEMENTS_MAX {
            let message = format!("the path from {} has {} movements", quote(path[0]), path.len());
            wrong.push((Code::PathTooLong, message));
        }
        wrong.extend(break_of(check, &movements));
        wrong.extend(signal_faults(check, controller, request, &movements));
    }
    for (code, message) in wrong {
        check.fault::<RequestBinding>(row, "paths", code, message);
    }
}

/// Where a path is torn.
fn break_of(check: &Check<'_, '_>, movements: &[usize]) -> Option<(Code, String)> {
    let model = check.model();
    movements.windows(2).find_map(|pair| {
        let (one, next) = (&model.movements[pair[0]], &model.movements[pair[1]]);
        let message =
            || format!("{} does not begin where {} ends", quote(&next.mvmt_id), quote(&one.mvmt_id));
        (one.ob_link_id != next.ib_link_id).then(|| (Code::BrokenPath, message()))
    })
}

/// A path begins at a signal of the controller, and every signal of it on the path is held green.
fn signal_faults(
    check: &Check<'_, '_>,
    controller: usize,
    request: &RequestBinding,
    movements: &[usize],
) -> Vec<(Code, String)> {
    let dwell = group_set(&request.dwell_groups);
    let mut wrong = Vec::new();
    for (position, &movement) in movements.iter().enumerate() {
        let id = quote(&check.model().movements[movement].mvmt_id);
        match check.index.signals[movement] {
            Some(signal) if signal.controller != controller => {
                wrong.push((Code::PathNotSignalled, format!("{id} obeys another controller")));
            }
            None if position == 0 && check.are_complete(RULING) => {
                wrong.push((Code::PathNotSignalled, format!("{id} obeys no signal group of the controller")));
            }
            // A group that the controller does not have is reported where it is named.
            Some(signal)
                if check.index.group(controller, signal.group_num).is_some()
                    && !group_id(signal.group_num).is_some_and(|group| dwell.contains(group)) =>
            {
                let message = format!("{id} obeys group {}, which is not in dwell_groups", signal.group_num);
                wrong.push((Code::PathOutsideDwell, message));
            }
            _ => {}
        }
    }
    wrong
}

/// What holds for the rows that we write.
fn check_ours(check: &mut Check<'_, '_>, controller: usize, row: usize, request: &RequestBinding) {
    let number = request.row_num;
    let mut fault = |field, code, message| check.fault::<RequestBinding>(row, field, code, message);
    if request.paths.is_empty() {
        fault("paths", Code::RowWithoutPath, format!("row {number} serves no path"));
    }
    let is_preempt = request.channel == "preempt";
    if request.kind == "transit" && is_preempt {
        fault("channel", Code::TransitPreempts, format!("row {number} lets transit preempt"));
    }
    let (presence, dwell) = (millis(request.max_presence), millis(request.min_dwell));
    if presence < millis(1.0) || presence > MAX_PRESENCE_MAX || dwell > presence {
        let message = format!(
            "row {number}: maximum presence {} s, minimum dwell {} s",
            request.max_presence, request.min_dwell
        );
        fault("max_presence", Code::PresenceUnbounded, message);
    }
    let needed = if is_preempt { Capabilities::PREEMPT } else { Capabilities::PRIORITY };
    let link = check.index.sites[controller].link.map(|row| &check.model().controller_links[row]);
    let carried = link.map_or(Capabilities::NONE, |link| capabilities(&link.capabilities));
    if !carried.allows(needed) && check.are_complete(&["controller_link"]) {
        let message = format!("row {number} needs {}, which controller_link does not list", request.channel);
        check.fault::<RequestBinding>(row, "channel", Code::ChannelNotCarried, message);
    }
}

/// Of preempts the lower number wins; none of ours may win over a level crossing.
fn check_rank(check: &mut Check<'_, '_>, row: usize, request: &RequestBinding, requests: &[usize]) {
    let model = check.model();
    let rail = requests
        .iter()
        .map(|&other| &model.request_bindings[other])
        .filter(|other| other.kind == "rail" && other.owner != OWNER_OURS && other.channel == request.channel)
        .find(|other| other.row_num > request.row_num);
    if let Some(rail) = rail {
        let message = format!("row {} wins over rail row {}", request.row_num, rail.row_num);
        check.fault::<RequestBinding>(row, "row_num", Code::RowOutranksRail, message);
    }
}
