//! Junctions of several kinds, and sound plans for them.

use clearway_certify::{Ask, Class, Held};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GroupKind, GroupSet, Junction, Millis, Owner, Relation, RequestId,
    RequestRow, RowId, RowKind, SignalGroup,
};

use crate::draw::Draw;

/// A junction that owns its data.
#[derive(Clone, Debug)]
pub struct Site {
    pub id: ControllerId,
    pub groups: Vec<SignalGroup>,
    pub relations: Vec<Relation>,
    pub rows: Vec<RequestRow>,
    pub capabilities: Capabilities,
}

impl Site {
    pub fn junction(&self) -> Junction<'_> {
        let Self { id, groups, relations, rows, capabilities } = self;
        Junction { id: *id, groups, relations, rows, capabilities: *capabilities }
    }
}

/// All that the checker is given.
#[derive(Clone, Debug)]
pub struct Case {
    pub sites: Vec<Site>,
    pub class: Class,
    pub asks: Vec<Ask>,
    pub held: Option<(ControllerId, Held)>,
}

const fn group(kind: GroupKind, min_green: i64, yellow: i64, clearance: i64, red_yellow: i64) -> SignalGroup {
    SignalGroup {
        kind,
        min_green: Millis(min_green),
        yellow: Millis(yellow),
        clearance: Millis(clearance),
        red_yellow: Millis(red_yellow),
    }
}

const CAR: SignalGroup = group(GroupKind::Vehicle, 5_000, 3_000, 0, 1_000);
const CAR_US: SignalGroup = group(GroupKind::Vehicle, 7_000, 4_000, 0, 0);
const TRAM: SignalGroup = group(GroupKind::Tram, 4_000, 5_000, 0, 0);
const WALK: SignalGroup = group(GroupKind::Pedestrian, 6_000, 0, 9_000, 0);
const LONG_WALK: SignalGroup = group(GroupKind::Pedestrian, 7_000, 0, 21_000, 0);

/// Streets in stages: groups of one stage go together, all others conflict.
fn staged(id: u16, stages: &[&[SignalGroup]]) -> Site {
    let groups: Vec<(usize, SignalGroup)> = stages
        .iter()
        .enumerate()
        .flat_map(|(stage, groups)| groups.iter().map(move |g| (stage, *g)))
        .collect();
    let served: Vec<GroupSet> = (0..stages.len())
        .map(|stage| GroupSet((0..groups.len()).filter(|g| groups[*g].0 == stage).map(|g| 1 << g).sum()))
        .collect();
    let together = |a: usize, b: usize| groups[a].0 == groups[b].0;
    site(id, &groups.iter().map(|(_, group)| *group).collect::<Vec<_>>(), &served, together)
}

/// Eight phases in two rings of two barriers, the crossings beside their through phases: sixteen groups.
fn dual_ring(id: u16) -> Site {
    let groups: Vec<SignalGroup> = [CAR_US; 8].into_iter().chain([WALK; 8]).collect();
    let (ring, barrier) = (|g: usize| g % 8 / 4, |g: usize| g % 4 / 2);
    let together = |a: usize, b: usize| a % 8 == b % 8 || (ring(a) != ring(b) && barrier(a) == barrier(b));
    let served = [0b0001_0001, 0b0010_0010, 0b0100_0100, 0b1000_1000, 0b0010_0001].map(GroupSet);
    site(id, &groups, &served, together)
}

fn site(
    id: u16,
    groups: &[SignalGroup],
    served: &[GroupSet],
    together: impl Fn(usize, usize) -> bool,
) -> Site {
    let mut relations = Vec::new();
    for a in 0..groups.len() {
        for b in 0..groups.len() {
            let extra = Millis(1_000 * i64::try_from((a + 2 * b) % 4).unwrap_or(0));
            let conflict = Relation::Conflict(groups[a].ending() + extra);
            relations.push(if a == b || together(a, b) { Relation::Compatible } else { conflict });
        }
    }
    let mut rows = vec![row(1, RowKind::Rail, Owner::Other, Channel::Preempt, served[0])];
    for (dwell, number) in served.iter().zip(3..) {
        rows.push(row(number, RowKind::Emergency, Owner::Ours, Channel::Preempt, *dwell));
    }
    rows.push(row(1, RowKind::Transit, Owner::Ours, Channel::Priority, served[served.len() - 1]));
    rows[2].delay = Millis(2_000);
    rows[2].min_duration = Millis(20_000);
    rows[1].min_dwell = Millis(15_000);
    let capabilities = Capabilities::PREEMPT.union(Capabilities::PRIORITY);
    Site { id: ControllerId(id), groups: groups.to_vec(), relations, rows, capabilities }
}

fn row(number: u8, kind: RowKind, owner: Owner, channel: Channel, dwell: GroupSet) -> RequestRow {
    RequestRow {
        number,
        kind,
        owner,
        channel,
        dwell,
        delay: Millis::ZERO,
        min_duration: Millis(5_000),
        min_dwell: Millis(5_000),
        max_presence: Millis(120_000),
    }
}

/// One junction of each kind.
pub fn sites() -> Vec<Site> {
    vec![
        staged(1, &[&[CAR], &[CAR, WALK]]),
        staged(2, &[&[CAR, CAR], &[CAR], &[CAR, WALK, WALK], &[CAR, WALK]]),
        staged(3, &[&[CAR, CAR], &[TRAM, TRAM], &[CAR, WALK]]),
        staged(4, &[&[CAR, CAR], &[CAR, CAR], &[LONG_WALK, LONG_WALK, LONG_WALK]]),
        staged(5, &[&[CAR_US, CAR_US], &[CAR_US]]),
        dual_ring(6),
    ]
}

/// A sound plan: up to three junctions one after the other, at times a second call of one, at times one
/// that somebody else has held before.
pub fn sound(sites: &[Site], draw: &mut Draw) -> Case {
    let sites = sites.to_vec();
    let class = draw.of(&[Class::Emergency, Class::Emergency, Class::Emergency, Class::Tram, Class::Bus]);
    let first = draw.below(sites.len());
    let base = draw.of(&[0, 200_000, 200_000]);
    let mut asks = Vec::new();
    for n in 0..1 + draw.below(3) {
        let start = base + draw.between(0, 60_000) + 20_000 * i64::try_from(n).unwrap_or(0);
        asks.push(ask(&sites[(first + n) % sites.len()], class, start, draw));
    }
    if draw.one_in(4) {
        let Ask { controller, release_at, .. } = asks[0];
        let same = sites.iter().find(|site| site.id == controller).unwrap_or(&sites[0]);
        asks.push(ask(same, class, release_at.0 + draw.between(30_000, 100_000), draw));
    }
    for (ask, n) in asks.iter_mut().zip(1..) {
        ask.request = RequestId(n);
    }
    let held = (base > 0 && draw.one_in(2)).then(|| {
        let Ask { controller, assert_at, .. } = asks[0];
        let until = assert_at.0 - draw.between(20_000, 90_000);
        let from = until - draw.between(1_000, 90_000);
        (controller, Held { request: RequestId(9), row: RowId(1), from: Millis(from), until: Millis(until) })
    });
    Case { sites, class, asks, held }
}

fn ask(site: &Site, class: Class, start: i64, draw: &mut Draw) -> Ask {
    let kind = if class == Class::Emergency { RowKind::Emergency } else { RowKind::Transit };
    let fitting = (0u8..).zip(&site.rows).filter(|(_, row)| row.kind == kind);
    let rows: Vec<u8> = fitting.map(|(id, _)| id).collect();
    let row = RowId(draw.of(&rows));
    let dwell = site.rows[row.index()].dwell;
    let hold = draw.between(10_000, 110_000);
    Ask {
        controller: site.id,
        row,
        request: RequestId(0),
        wanted: dwell.iter().next().map_or(dwell, GroupSet::of),
        assert_at: Millis(start),
        arrival: Millis(start + draw.between(0, hold)),
        release_at: Millis(start + hold),
    }
}
