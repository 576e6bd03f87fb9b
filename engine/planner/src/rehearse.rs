//! Going through the next fix before it comes.
//!
//! Between two fixes of a vehicle a second passes, in which all that planning reads leaves the
//! processor's caches: the next fix then takes several times as long as one right after it.

use std::hint::black_box;

use clearway_certify::{Class, Draft, certify};
use clearway_network::Controller;
use clearway_signals::{ControllerId, Millis};

use crate::engine::Engine;

impl Engine {
    /// Plan and certify for a vehicle under way as its next fix will, and forget the outcome: nothing
    /// changes, nothing comes out. Several vehicles take turns.
    pub fn rehearse(&mut self, now: Millis) {
        let count = self.waves.len();
        let mut next = (1..=count).map(|k| (self.rehearsed + k) % count);
        let Some(i) = next.find(|i| self.waves[*i].is_under_way()) else { return };
        self.rehearsed = i;
        self.rehearse_position(i);
        self.rehearse_plan(i, now);
        self.rehearse_certificate();
    }

    fn rehearse_position(&self, i: usize) {
        let wave = &self.waves[i];
        let fix = wave.mission.and_then(|mission| self.last_fix(mission.vehicle));
        if let (Some(track), Some(fix)) = (wave.track, fix) {
            black_box(track.locate(&self.network, &wave.way, &wave.ends_mm, &fix));
        }
    }

    /// Planning writes into the wave; what it wrote is taken back.
    fn rehearse_plan(&mut self, i: usize, now: Millis) {
        let wave = &self.waves[i];
        self.kept.clear();
        self.kept.extend_from_slice(&wave.signals);
        let times = (wave.planned_at, wave.planned_far_at, wave.arrives);
        let stale = self.turns.stale;
        self.plan_wave(i, now, false);
        self.turns.stale = stale;
        let wave = &mut self.waves[i];
        std::mem::swap(&mut wave.signals, &mut self.kept);
        (wave.planned_at, wave.planned_far_at, wave.arrives) = times;
    }

    /// What was certified last, once more.
    fn rehearse_certificate(&self) {
        let draft = Draft { class: Class::Emergency, asks: &self.asks };
        let junction = |id: ControllerId| self.network.controller(id).map(Controller::junction);
        let held = |id: ControllerId| self.watches.get(id.index()).and_then(|watch| watch.held);
        let _ = black_box(certify(&draft, self.epoch, junction, held));
    }
}
