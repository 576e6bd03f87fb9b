//! The figures, beside their bars.

use clearway_signals::Millis;

use super::town::Town;
use super::{Plan, Rates, steered, with_lead};

/// Towns, a way through each.
const TOWNS: u32 = 4;
/// Fixed leads that are tried, seconds.
const LEADS_S: [i64; 12] = [15, 18, 20, 22, 24, 26, 28, 30, 33, 36, 40, 45];

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each probability of a signal: 90, 95, 99 per cent.
    pub signals: Vec<Rates>,
    /// 90 per cent for the whole way.
    pub way: Rates,
    /// The leads, seconds, and what they gave.
    pub leads: Vec<(i64, Rates)>,
}

impl Report {
    /// Run everything, in several towns.
    #[must_use]
    pub fn run(plan: &Plan) -> Self {
        let towns: Vec<Town> = (0..TOWNS).map(|n| Town::new(plan.seed + u64::from(n))).collect();
        let each =
            Plan { trips: plan.trips.div_ceil(TOWNS), lead_trips: plan.lead_trips.div_ceil(TOWNS), ..*plan };
        let over =
            |run: &dyn Fn(&Town) -> Rates| towns.iter().map(run).reduce(Rates::joined).unwrap_or_default();
        let lead = |s| over(&|town| with_lead(town, &each, Millis::from_s(s)));
        Self {
            signals: [900, 950, 990]
                .map(|nominal| over(&|town| steered(town, &each, nominal, false)))
                .to_vec(),
            way: over(&|town| steered(town, &each, 900, true)),
            leads: LEADS_S.map(|s| (s, lead(s))).to_vec(),
        }
    }

    /// The hold of a fixed lead that delays the vehicle no more than `delay_s`, between two leads that
    /// were tried: seconds a call. `None` when no lead was long enough.
    #[must_use]
    pub fn lead_hold_s(&self, delay_s: f64) -> Option<f64> {
        let points: Vec<(f64, f64)> = self.leads.iter().map(|(_, r)| (r.delay_s(), r.hold_s())).collect();
        points.windows(2).find(|pair| pair[1].0 <= delay_s && delay_s <= pair[0].0).map(|pair| {
            let share = (pair[0].0 - delay_s) / (pair[0].0 - pair[1].0).max(1e-9);
            pair[0].1 + share * (pair[1].1 - pair[0].1)
        })
    }

    /// The tables.
    pub fn print(&self) {
        println!(
            "| nominal | windows | arrivals not before the window | on the worst way | green in time | not stopped |"
        );
        println!("| --- | --- | --- | --- | --- | --- |");
        for rates in &self.signals {
            let share = |count: u32| pct(count, rates.windows);
            println!(
                "| {} % of signals | {} | {} | {:.1} % | {} | {} |",
                rates.nominal_permille as f64 / 10.0,
                rates.windows,
                share(rates.kept),
                rates.worst_way * 100.0,
                share(rates.ready),
                share(rates.unstopped)
            );
        }
        println!(
            "| {} % of trips | {} | {} of {} trips | | | {} of trips |",
            self.way.nominal_permille as f64 / 10.0,
            self.way.windows,
            pct(self.way.whole_kept, self.way.trips),
            self.way.trips,
            pct(self.way.whole_unstopped, self.way.trips)
        );
        println!();
        println!(
            "| control | delay s a trip, mean | p95 | called s a signal | fixed lead of the same delay: called s | less |"
        );
        println!("| --- | --- | --- | --- | --- | --- |");
        for rates in self.signals.iter().chain([&self.way]) {
            let kind = if rates.whole_way { "trips" } else { "signals" };
            let name = format!("engine, {} % of {kind}", rates.nominal_permille as f64 / 10.0);
            let (hold, lead) = (rates.hold_s(), self.lead_hold_s(rates.delay_s()));
            let (fixed, less) = lead.map_or(("none".into(), "–".into()), |lead| {
                (format!("{lead:.1}"), format!("{:.0} %", (1.0 - hold / lead) * 100.0))
            });
            println!(
                "| {name} | {:.1} | {:.1} | {hold:.1} | {fixed} | {less} |",
                rates.delay_s(),
                quantile(&rates.delays_s, 0.95)
            );
        }
        for (lead, rates) in &self.leads {
            println!(
                "| fixed lead {lead} s | {:.1} | {:.1} | {:.1} | | |",
                rates.delay_s(),
                quantile(&rates.delays_s, 0.95),
                rates.hold_s()
            );
        }
        println!();
        println!("| arrivals told 30 s ahead | error s, median | p95 |");
        println!("| --- | --- | --- |");
        for rates in &self.signals {
            println!(
                "| {} at {} % | {:.2} | {:.2} |",
                rates.errors_s.len(),
                rates.nominal_permille as f64 / 10.0,
                quantile(&rates.errors_s, 0.5),
                quantile(&rates.errors_s, 0.95)
            );
        }
    }
}

fn pct(part: u32, whole: u32) -> String {
    format!("{:.1} %", 100.0 * f64::from(part) / f64::from(whole.max(1)))
}

/// A quantile of values in any order; 0 of none.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
