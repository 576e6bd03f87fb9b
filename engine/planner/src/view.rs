//! What the console and the reports see of the engine: copied out, off the hot path.

use std::sync::Arc;

use clearway_network::LineId;
use clearway_signals::{ControllerId, GeoPoint, Millis, Mode, PreemptState, RowId, VehicleId};

use crate::detour::Decision;
use crate::engine::Engine;
use crate::event::Mission;
use crate::learn::Windows;
use crate::transit::Standing;
use crate::wave::WaveSignal;

/// A wave.
#[derive(Clone, Debug)]
pub struct WaveView {
    /// The mission.
    pub mission: Mission,
    /// An operator stopped it.
    pub suspended: bool,
    /// When the vehicle arrives.
    pub arrives: Millis,
    /// How much later than alone it is through its signals, because others go first.
    pub put_off: Millis,
    /// Millimetres from the start of the way.
    pub at_mm: Option<i64>,
    /// The way, from the link on which the vehicle is.
    pub way: Vec<GeoPoint>,
    /// The signals, in order.
    pub signals: Vec<WaveSignal>,
}

/// A controller.
#[derive(Clone, Copy, Debug)]
pub struct ControllerView {
    /// Which.
    pub controller: ControllerId,
    /// Armed.
    pub armed: bool,
    /// Whether it was read at all, and when last.
    pub read_at: Option<Millis>,
    /// The mode.
    pub mode: Mode,
    /// Groups in green, yellow, clearance.
    pub greens: u64,
    /// Yellow.
    pub yellows: u64,
    /// Pedestrian clearance.
    pub clearing: u64,
    /// The row that is served.
    pub active: Option<RowId>,
    /// The preemption's state.
    pub preempt: PreemptState,
    /// Whether we hold it.
    pub ours: bool,
}

/// A tram or bus.
#[derive(Clone, Copy, Debug)]
pub struct TransitView {
    /// Which.
    pub vehicle: VehicleId,
    /// Its line.
    pub line: LineId,
    /// Seconds late.
    pub lateness_s: Option<i32>,
    /// How it stands with priority.
    pub standing: Standing,
    /// Whether it follows a way around closed links.
    pub diverted: bool,
}

/// Everything at one instant.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// When.
    pub at: Millis,
    /// Waves under way.
    pub waves: Vec<WaveView>,
    /// Every controller, by id.
    pub controllers: Vec<ControllerView>,
    /// Trams and buses.
    pub transits: Vec<TransitView>,
    /// What lines and vehicles do around closed links.
    pub detours: Arc<[Decision]>,
    /// Windows of calls that were compared with what came.
    pub windows: Windows,
}

impl Engine {
    /// The signals on the way of a vehicle on a mission, in order; none without a mission.
    #[must_use]
    pub fn signals_of(&self, vehicle: VehicleId) -> &[WaveSignal] {
        let wave = self.waves.iter().find(|w| w.mission.is_some_and(|m| m.vehicle == vehicle));
        wave.map_or(&[], |wave| &wave.signals)
    }

    /// Copy out what there is to see.
    #[must_use]
    pub fn view(&self, now: Millis) -> View {
        View {
            at: now,
            windows: self.learned.windows(),
            waves: self.waves.iter().filter_map(|wave| self.wave_view(wave)).collect(),
            controllers: self.watches.iter().enumerate().map(|(i, w)| controller_view(i, w)).collect(),
            transits: self
                .transits
                .iter()
                .enumerate()
                .filter_map(|(v, t)| t.map(|t| transit_view(v, &t)))
                .collect(),
            detours: self.detours.decided(),
        }
    }

    fn wave_view(&self, wave: &crate::wave::Wave) -> Option<WaveView> {
        let mission = wave.mission?;
        let at_mm = wave.track.map(|t| t.at_mm);
        let first = wave.ends_mm.partition_point(|end| *end <= at_mm.unwrap_or(0));
        let points = wave.way.iter().skip(first).flat_map(|link| self.network.shape(*link));
        let way = points.map(|p| self.network.plane.unproject(*p)).collect();
        Some(WaveView {
            mission,
            suspended: wave.suspended,
            arrives: wave.arrives,
            put_off: wave.put_off,
            at_mm,
            way,
            signals: wave.signals.clone(),
        })
    }
}

fn controller_view(index: usize, watch: &crate::watch::Watch) -> ControllerView {
    let status = &watch.status;
    ControllerView {
        controller: ControllerId(u16::try_from(index).unwrap_or(u16::MAX)),
        armed: watch.armed,
        read_at: watch.seen.then_some(status.at),
        mode: status.mode,
        greens: status.greens.0,
        yellows: status.yellows.0,
        clearing: status.clearing.0,
        active: status.active,
        preempt: status.preempt,
        ours: watch.held.is_some(),
    }
}

fn transit_view(index: usize, transit: &crate::transit::Transit) -> TransitView {
    TransitView {
        vehicle: VehicleId(u32::try_from(index).unwrap_or(u32::MAX)),
        line: transit.line,
        lateness_s: transit.lateness_s,
        standing: transit.standing,
        diverted: transit.plan != transit.line.index(),
    }
}
