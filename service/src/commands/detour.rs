//! `clearway detour`: what trams and buses of a model do when links are closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clearway_feeds::WallMs;
use clearway_feeds::gtfs_rt::{self, Cause};
use clearway_network::{LinkId, Network};
use clearway_planner::detour::Decision;
use clearway_planner::{Config, Engine, Event, Output};
use clearway_signals::{Epoch, Millis};
use miette::{IntoDiagnostic, Result, WrapErr, miette};
use serde_json::json;

use super::{Exit, load_model};
use crate::api::incidents::action_word;
use crate::live::incidents::{ClosedTo, Incident, LINKS_MAX, Origin, State};
use crate::live::publish::{Published, line_name, sentence, service_date};

/// The engine works out a line at a tick.
const TICK: Millis = Millis(100);

#[derive(Debug, clap::Args)]
pub struct DetourArgs {
    /// The network model.
    #[arg(long)]
    pub network: PathBuf,
    /// The closed links, by the model's ids, separated by commas.
    #[arg(long, required = true, value_delimiter = ',')]
    pub close: Vec<String>,
    /// For how long, seconds; without it the end is open and judged as half an hour.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub lasts_s: Option<u32>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Write the GTFS Realtime feed of it into this file.
    #[arg(long)]
    pub gtfs_rt: Option<PathBuf>,
}

/// Decide and print.
pub fn run(args: &DetourArgs) -> Result<Exit> {
    let Some(loaded) = load_model(&args.network) else { return Ok(Exit::ModelInvalid) };
    let network = Arc::new(loaded.network);
    let closed = links_named(&network, &args.close)?;
    let lasts = args.lasts_s.map(|s| Millis::from_s(i64::from(s)));
    let decided = decide(&network, &closed, lasts);
    if args.json {
        let lines: Vec<_> = decided.iter().map(|d| document(&network, d)).collect();
        println!("{}", serde_json::to_string_pretty(&lines).into_diagnostic()?);
    } else if decided.is_empty() {
        println!("no line runs over these links");
    } else {
        for decision in &decided {
            println!("{}", sentence(&network, decision));
        }
    }
    if let Some(file) = &args.gtfs_rt {
        std::fs::write(file, feed(&network, closed, lasts, &decided))
            .into_diagnostic()
            .wrap_err_with(|| format!("the feed cannot be written to {}", file.display()))?;
    }
    Ok(Exit::Ok)
}

fn links_named(network: &Network, names: &[String]) -> Result<Vec<LinkId>> {
    if names.len() > LINKS_MAX {
        return Err(miette!("{} links are more than {LINKS_MAX}", names.len()));
    }
    let find = |name: &String| {
        let found = network.links.iter().position(|link| link.name == *name);
        found.and_then(|i| u32::try_from(i).ok()).map(LinkId).ok_or_else(|| {
            miette!(
                help = "ids stand in the first column of the model's link.csv",
                "the model has no link {name:?}"
            )
        })
    };
    names.iter().map(find).collect()
}

/// The same code that decides in a running engine, driven to its decision.
fn decide(network: &Arc<Network>, closed: &[LinkId], lasts: Option<Millis>) -> Vec<Decision> {
    let mut engine = Engine::new(Arc::clone(network), Vec::new(), Config::default(), Epoch(1));
    let (mut out, mut now) = (Output::default(), TICK);
    let until = lasts.map_or(Millis::NEVER, |lasts| now + lasts);
    for link in closed {
        engine.apply(&Event::TransitBlocked(*link, until), now, &mut out);
    }
    for _ in 0..=network.lines.len() {
        out.clear();
        engine.apply(&Event::Tick, now, &mut out);
        now += Millis(1);
    }
    engine.view(now).detours.to_vec()
}

fn document(network: &Network, decision: &Decision) -> serde_json::Value {
    let diversion = &decision.diversion;
    let stop = |id: &clearway_network::StopId| network.stops.get(id.index()).map(|s| s.name.clone());
    let link = |id: &LinkId| network.links.get(id.index()).map(|l| l.name.clone());
    json!({
        "line": line_name(network, diversion.line),
        "action": action_word(diversion.action),
        "explain": sentence(network, decision),
        "extra_s": diversion.extra.0 / 1000,
        "delay_pax_s": diversion.delay_pax_s,
        "links": diversion.way.iter().filter_map(link).collect::<Vec<_>>(),
        "skipped_stops": diversion.skipped.iter().filter_map(stop).collect::<Vec<_>>(),
        "replacement_stops": diversion.replacements.iter().filter_map(stop).collect::<Vec<_>>(),
    })
}

fn feed(network: &Network, links: Vec<LinkId>, lasts: Option<Millis>, decided: &[Decision]) -> Vec<u8> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = WallMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let incident = Incident {
        id: 1,
        title: "Closure".into(),
        origin: Origin::Operator,
        state: State::Active,
        closed_to: ClosedTo::Transit,
        cause: Cause::UnknownCause,
        links,
        place: None,
        since: now,
        until: lasts.map(|lasts| (lasts, WallMs(now.0.saturating_add(lasts.0)))),
    };
    let service_date = service_date(now, &jiff::tz::TimeZone::UTC);
    gtfs_rt::encode(&Published { network, incidents: &[incident], decided, now, service_date }.feed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_feeds::gtfs_rt::Effect;
    use std::path::Path;

    fn centre() -> Arc<Network> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/helsinki-centre");
        Arc::new(clearway_format::load(&dir).unwrap_or_else(|report| panic!("{}", report.render())).network)
    }

    /// Mannerheimintie northbound beside the railway station, where seven lines run.
    const CLOSED: &str = "t167";

    #[test]
    fn every_line_of_helsinki_that_is_concerned_gets_a_lawful_way_or_waits() {
        let network = centre();
        let closed = links_named(&network, &[CLOSED.to_owned()]).unwrap();
        let decided = decide(&network, &closed, None);
        let concerned = network.lines.iter().filter(|l| l.links.contains(&closed[0])).count();
        assert!(concerned >= 3 && decided.len() == concerned, "{concerned} lines, {decided:?}");
        for decision in &decided {
            let way = &decision.diversion.way;
            assert!(!way.contains(&closed[0]));
            for pair in way.windows(2) {
                let joined = network.movement_between(pair[0], pair[1]).is_some();
                let turns = network.turnbacks.iter().any(|t| t.to == pair[1]);
                assert!(joined || turns, "{}", sentence(&network, decision));
            }
            assert!(sentence(&network, decision).ends_with('.'));
        }
    }

    #[test]
    fn the_feed_speaks_of_each_line_once_and_is_read_back() {
        let network = centre();
        let closed = links_named(&network, &[CLOSED.to_owned()]).unwrap();
        let lasts = Some(Millis::from_s(3_600));
        let decided = decide(&network, &closed, lasts);
        let read = gtfs_rt::decode(&feed(&network, closed, lasts, &decided)).unwrap();
        let alerts: Vec<_> = read.entity.iter().filter_map(|e| e.alert.as_ref()).collect();
        assert_eq!(alerts.len(), decided.len());
        let detours = alerts.iter().filter(|a| a.effect == Some(Effect::Detour as i32)).count();
        let shapes = read.entity.iter().filter(|e| e.shape.is_some()).count();
        let changes: Vec<_> = read.entity.iter().filter_map(|e| e.trip_modifications.as_ref()).collect();
        assert!(changes.len() >= detours && changes.len() == shapes);
        for alert in alerts {
            let period = &alert.active_period[0];
            assert_eq!(period.end.unwrap() - period.start.unwrap(), 3_600);
            assert!(alert.informed_entity[0].route_id.is_some());
        }
    }

    #[test]
    fn a_link_that_is_not_there_is_named() {
        let error = links_named(&centre(), &["nowhere".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("nowhere"));
    }
}
