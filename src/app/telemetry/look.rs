//! A look at a run: a copy of what is recorded, and the figures that are made of it once somebody wants them.

use crate::app::collect;
use crate::judge;
use crate::record::{Recorder, Summary};
use crate::report::telemetry::{Family, Live, families};
use crate::results::RunInfo;

/// A run at an instant.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) info: RunInfo,
    recorder: Recorder,
    pub(super) live: Live,
}

impl Look {
    pub(super) fn new(info: &RunInfo, recorder: &Recorder, live: Live) -> Self {
        Self {
            info: info.clone(),
            recorder: recorder.clone(),
            live,
        }
    }

    /// The figures. They take a while: not for the run's own loop.
    pub(super) fn families(&self) -> Vec<Family> {
        let judged = self.info.validity.clone();
        let validity = judged.unwrap_or_else(|| {
            let summary = Summary::new(&self.recorder, &self.info.names());
            let mut health = collect::health(&self.info, &self.recorder);
            // What is known of the whole run only at its end is that of the last second until then.
            health.worker_cpu = health.worker_cpu.or(self.live.worker_cpu);
            health.process_cpu = health.process_cpu.or(self.live.process_cpu);
            health.rows_waiting = health.rows_waiting.max(self.live.rows_waiting);
            judge::validity(&summary, &health)
        });
        families(&self.info, &self.recorder, &validity, &self.live)
    }
}
